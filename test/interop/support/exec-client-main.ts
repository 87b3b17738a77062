// Our client in a process of its own, so that its memory can be measured: `exec-client-main.js URL TRANSPORT BYTES` runs
// `pattern 1048576` first and prints "ready"; upon a line on stdin it runs `pattern BYTES` and prints what it got.
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { exec } from '../../../src/remotecommand/index.js';
import { HashingSink } from './hashing-sink.js';

const [server = '', transport, bytes = ''] = process.argv.slice(2);
if (transport !== 'spdy' && transport !== 'websocket') throw new Error(`unknown transport ${transport}`);

const run = async (size: string): Promise<void> => {
  const stdout = new HashingSink();
  const { exitCode } = await exec({ server, pod: 'p' }, { command: ['pattern', size], stdout, transport });
  console.log(JSON.stringify({ exitCode, ...stdout.result() }));
};

await run('1048576');
const input = createInterface({ input: process.stdin });
await once(input, 'line');
await run(bytes);
await once(input, 'close');
