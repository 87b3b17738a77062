// Copies files that the compiler leaves alone: `node scripts/copy.js FROM TO [FROM TO ...]`.
import { copyFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

const paths = process.argv.slice(2);
if (paths.length === 0 || paths.length % 2 !== 0) throw new Error('usage: copy.js FROM TO [FROM TO ...]');
for (let i = 0; i < paths.length; i += 2) {
  mkdirSync(dirname(paths[i + 1]), { recursive: true });
  copyFileSync(paths[i], paths[i + 1]);
}
