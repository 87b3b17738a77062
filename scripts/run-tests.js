// Runs compiled tests with node:test: `node scripts/run-tests.js unit security [--only PATTERN]`. A name is a folder
// below test/. Fails when a folder has no tests, so that a suite cannot vanish unnoticed.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({ options: { only: { type: 'string' } }, allowPositionals: true });

const files = positionals.flatMap((suite) => {
  const folder = join('.build', 'test', suite);
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => join(folder, name));
  if (found.length === 0) throw new Error(`no tests in ${folder}`);
  return found;
});
const chosen = values.only === undefined ? files : files.filter((file) => file.includes(values.only));
if (chosen.length === 0) throw new Error(`no test file matches ${values.only}`);

// Interop and end-to-end suites measure memory and drive terminals: side by side they would disturb one another.
const serial = positionals.some((suite) => suite === 'interop' || suite === 'e2e');
const child = spawn(
  process.execPath,
  [
    '--test',
    '--test-reporter=spec',
    '--test-timeout=180000',
    `--test-concurrency=${serial ? 1 : 2}`,
    ...chosen.toSorted(),
  ],
  { stdio: 'inherit' },
);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  process.exitCode = code ?? 1;
});
