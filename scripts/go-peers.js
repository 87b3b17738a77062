// Compiles the Go programs that the interop suites talk to, so that no suite's time goes to fetching and compiling modules
// for the first time. Fails where there is no Go.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { devNull } from 'node:os';
import { dirname, join } from 'node:path';

const root = join('test', 'interop', 'go');
const modules = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('go.mod'));
if (modules.length === 0) throw new Error(`no Go modules in ${root}`);
for (const path of modules) {
  const cwd = join(root, dirname(path));
  const { error, status } = spawnSync('go', ['build', '-o', devNull, './...'], { cwd, stdio: 'inherit' });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
