import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Reads `+ PID` and `- PID` until its input ends, which it does when the cluster's process is gone, however that came.
 * Then it kills the process groups that are left, and where there is /proc also what escaped from them: everything that
 * still has the cluster's mark in its environment.
 */
const SCRIPT = `
trap '' HUP INT TERM
pids=' '
while read -r what pid; do
  case $what in
    +) pids="$pids$pid " ;;
    -) before=\${pids%%" $pid "*}; [ "$before" = "$pids" ] || pids="$before \${pids#*" $pid "}" ;;
  esac
done
marked() { grep -lsF -e "$1" /proc/[0-9]*/environ | while IFS=/ read -r _ _ pid _; do echo "$pid"; done; }
signal() {
  for pid in $pids; do kill -s "$1" -- "-$pid"; done
  for pid in $(marked "$mark"); do kill -s "$1" "$pid"; done
} 2>/dev/null
mark=$1
found=$(marked "$mark")
if [ "$pids" != ' ' ] || [ -n "$found" ]; then
  signal TERM
  sleep 1
  signal KILL
fi
rm -rf -- "$2"
`;

/** A small shell process that cleans up after this process, should it die without doing so itself. */
export class ProcessGuard {
  readonly #child: ChildProcess;

  /**
   * @param mark Text in the environment of all processes of the cluster, and of no other.
   * @param directory Removed at the end.
   */
  constructor(mark: string, directory: string) {
    // In a group and session of its own, because Ctrl-C in a terminal goes to whole groups.
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'trunkline-guard', mark, directory], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#child.on('error', () => {});
    this.#child.stdin?.on('error', () => {});
    this.#child.unref();
  }

  /** A process group was started. */
  add(pid: number): void {
    this.#tell(`+ ${pid}\n`);
  }

  /** A process group is over. */
  remove(pid: number): void {
    this.#tell(`- ${pid}\n`);
  }

  /** Lets the guard clean up what is left, and waits for it. */
  async close(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (exitCode !== null || signalCode !== null || pid === undefined) return;
    this.#child.ref();
    await new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.stdin?.end();
    });
  }

  #tell(line: string): void {
    const { stdin } = this.#child;
    if (stdin?.writable) stdin.write(line);
  }
}
