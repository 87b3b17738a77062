/** One line of test/interop/go/cmd/execclient. */
export interface GoExecResult {
  readonly index: number;
  /** -1: something else than the command failed. */
  readonly exit: number;
  readonly err: string;
  readonly errType: string;
  readonly upgradeFailed: boolean;
  readonly stdout: string;
  readonly stdoutBytes: number;
  readonly stdoutSha256: string;
  readonly stderr: string;
  readonly stderrBytes: number;
  readonly stdinBytes: number;
  readonly stdinSha256: string;
  readonly maxRssBytes: number;
}
