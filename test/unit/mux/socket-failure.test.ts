import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { it } from 'node:test';
import type { Stream } from '../../../src/httpstream/index.js';
import { newYamuxServerConnection } from '../../../src/yamux/index.js';
import { data, syn, windowUpdate } from '../../support/yamux-frames.js';
import { turns } from '../../support/yamux-raw.js';

/** A socket that fails its writes when told to. */
class Failing extends Duplex {
  #held: ((error?: Error) => void)[] = [];
  hold = false;

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error) => void): void {
    if (this.hold) this.#held.push(callback);
    else callback();
  }

  override _final(callback: () => void): void {
    callback();
  }

  fail(): void {
    for (const callback of this.#held.splice(0)) callback(new Error('write EPIPE'));
  }
}

function served(): { socket: Failing; stream: () => Stream; closed: Promise<unknown> } {
  const socket = new Failing();
  const streams: Stream[] = [];
  const options = { headers: false, pingPeriod: 0 };
  const { closed } = newYamuxServerConnection(socket, (stream) => void streams.push(stream), options);
  socket.push(syn(1));
  return {
    socket,
    closed,
    stream: () => {
      const [stream] = streams;
      assert.ok(stream !== undefined);
      return stream;
    },
  };
}

it('bytes that the socket failed to take are not reported as written', async () => {
  const { socket, stream, closed } = served();
  await turns(2);
  socket.hold = true;
  const results: unknown[] = [];
  for (let i = 0; i < 3; i++) stream().write(Buffer.alloc(60_000), (error) => results.push(error?.message));
  await turns(2);
  socket.fail();
  await closed;
  await turns(2);
  assert.equal(results.length, 3);
  for (const result of results) assert.match(String(result), /EPIPE|lost|destroyed/);
});

it('what is read after the end of a connection is credited to nobody: nothing is written behind the end', async () => {
  const { socket, stream, closed } = served();
  await turns(2);
  socket.push(data(1, Buffer.alloc(200_000)));
  await turns(2);
  let failed: unknown;
  socket.on('error', (error) => (failed = error));
  socket.push(windowUpdate(0, 1));
  await turns(5);
  assert.equal(socket.writableEnded, true);
  assert.equal(stream().destroyed, false, 'it has something to deliver');
  stream().resume();
  await turns(5);
  assert.equal(stream().destroyed, true);
  assert.equal(failed, undefined);
  socket.push(null);
  await closed;
});
