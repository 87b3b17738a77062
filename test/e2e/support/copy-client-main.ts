// Our copies in a process of their own, so that its memory can be measured: `copy-client-main.js SERVER POD TRANSPORT
// FOLDER` copies `small` up and down first and prints "ready"; upon a line on stdin it does so with `large`.
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { copyFrom, copyTo } from '../../../src/remotecommand/index.js';

const [server = '', pod = '', transport, folder = ''] = process.argv.slice(2);
if (transport !== 'spdy' && transport !== 'websocket') throw new Error(`unknown transport ${transport}`);

const copy = async (name: string): Promise<void> => {
  await copyTo({ server, pod }, join(folder, name), join(folder, `${name}-up`), { transport });
  await copyFrom({ server, pod }, join(folder, `${name}-up`), join(folder, `${name}-down`), { transport });
};

await copy('small');
console.log('ready');
const input = createInterface({ input: process.stdin });
await once(input, 'line');
await copy('large');
console.log('done');
await once(input, 'close');
