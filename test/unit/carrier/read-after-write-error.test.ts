import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { dial } from '../../../src/carrier/dial.js';

const LAST_WORDS = 40_000;

/**
 * A server of its own process, so that it goes on while this one stands still. It never reads; 100 ms after the
 * connection it says something and closes, and the kernel answers what is unread with a reset.
 */
const SERVER = `
  const server = require('node:net').createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => {});
    setTimeout(() => socket.write(Buffer.alloc(${LAST_WORDS}, 'w'), () => socket.destroy()), 100);
  });
  server.listen(0, '127.0.0.1', () => console.log(server.address().port));
  process.stdin.on('end', () => process.exit()).resume();
`;

describe('a socket whose peer closed without reading', () => {
  let server: ChildProcess;
  let url: URL;

  before(async () => {
    server = spawn(process.execPath, ['-e', SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
    const [port] = (await once(server.stdout?.setEncoding('utf8') ?? server, 'data')) as [string];
    url = new URL(`http://127.0.0.1:${port.trim()}`);
  });
  after(async () => {
    server.stdin?.end();
    await once(server, 'exit');
  });

  const connect = (): Promise<Duplex> => dial({ url, signal: new AbortController().signal });

  it('delivers the last words before the failed write shows', async () => {
    const socket = await connect();
    await new Promise((resolve) => socket.write(Buffer.alloc(100_000), resolve));
    // Words and reset are in the kernel before anything of them is read here.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    let failure: Error | null | undefined;
    socket.write('more', (error) => (failure = error));
    let received = 0;
    socket.on('data', (chunk: Buffer) => (received += chunk.length));
    await new Promise((resolve) => socket.once('close', resolve));
    assert.equal(received, LAST_WORDS);
    assert.ok(failure instanceof Error);
  });

  it('fails a write at once when it has been read to its end', async () => {
    const socket = await connect();
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    await assert.rejects(
      new Promise<void>((resolve, reject) => socket.write('x', (error) => (error ? reject(error) : resolve()))),
    );
  });
});
