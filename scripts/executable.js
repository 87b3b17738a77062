// Marks files as executable, which tsc does not; npx runs the command from a clone through its file mode.
import { chmodSync } from 'node:fs';

for (const file of process.argv.slice(2)) chmodSync(file, 0o755);
