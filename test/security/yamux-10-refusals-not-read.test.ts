import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { it } from 'node:test';
import type { NewStreamHandler } from '../../src/httpstream/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { newYamuxServerConnection } from '../../src/yamux/index.js';
import { syn } from '../support/yamux-frames.js';
import { turns } from './yamux-support.js';

// Row 10, the resets: each stream that is refused costs one, and a peer that reads none must not pile them up here.

/** A socket whose peer reads nothing. */
class Deaf extends Duplex {
  override _read(): void {}
  override _write(): void {}
}

const refuse: NewStreamHandler = (stream) => stream.refuse();

for (const [what, options, handler] of [
  ['refused by the handler', { headers: false }, refuse],
  ['beyond those whose preface is awaited', { headers: true }, refuse],
  ['beyond maxStreams', { headers: false, limits: { maxStreams: 1 } }, () => {}],
] as const) {
  it(`streams ${what}, by a peer that reads nothing: reading stops, then the write deadline ends it`, async () => {
    const clock = new VirtualClock();
    const socket = new Deaf();
    const connection = newYamuxServerConnection(socket, handler, { pingPeriod: 0, clock, ...options });
    let sent = 0;
    for (; sent < 10_000 && !socket.isPaused(); sent += 500) {
      const first = 2 * sent + 1;
      socket.push(Buffer.concat(Array.from({ length: 500 }, (_, index) => syn(first + 2 * index))));
      await turns(2);
    }
    assert.ok(sent <= 1000, `${sent} streams were read`);
    clock.advance(10_000);
    assert.equal((await connection.closed).kind, 'lost');
  });
}
