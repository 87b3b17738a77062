import { readdir, readFile } from 'node:fs/promises';

/**
 * Kills what left its process group, such as the background jobs of an interactive shell: every process with `mark` in
 * its environment. Does nothing on systems without /proc.
 */
export async function killMarked(mark: string): Promise<void> {
  const names = await readdir('/proc').catch(() => []);
  const needle = Buffer.from(mark);
  await Promise.all(
    names.map(async (name) => {
      if (!/^\d+$/.test(name)) return;
      try {
        const environment = await readFile(`/proc/${name}/environ`);
        if (environment.includes(needle)) process.kill(Number(name), 'SIGKILL');
      } catch {
        // Gone by now, or somebody else's.
      }
    }),
  );
}
