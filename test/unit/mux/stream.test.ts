import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StreamHeaders } from '../../../src/httpstream/index.js';
import { MuxStream, type StreamHost } from '../../../src/mux/stream.js';

const HOST: StreamHost = {
  write: (stream) => stream.written(),
  end: () => {},
  accept: () => {},
  defer: () => {},
  refuse: () => {},
  flowControl: false,
  earlyData: false,
  consumed: () => {},
  reset: () => {},
  stalled: () => {},
  unstalled: () => {},
  released: () => {},
};

function openStream(): MuxStream {
  const wire = (owner: MuxStream) =>
    ({ id: 1, inbound: true, state: 'open', localEnded: false, remoteEnded: false, owner }) as const;
  return new MuxStream(HOST, wire, new StreamHeaders(), 262_144);
}

describe('what an unread stream holds', () => {
  it('is its bytes, not the read buffer or the pool that they came from', () => {
    const stream = openStream();
    stream.receive(Buffer.from(new ArrayBuffer(65_536), 100, 1));
    stream.receive(Buffer.from(new ArrayBuffer(65_536), 0, 3000));
    stream.once('readable', () => {});
    const held: number[] = [];
    for (let piece = stream.read(1); piece !== null; piece = stream.read(held.length === 1 ? 3000 : 1)) {
      held.push((piece as Buffer).buffer.byteLength);
    }
    assert.deepEqual(held, [1, 3000]);
    stream.destroy();
  });

  it('is the read buffer itself where a copy would save little', () => {
    const stream = openStream();
    const read = Buffer.from(new ArrayBuffer(65_536), 8, 60_000);
    stream.receive(read);
    assert.equal((stream.read() as Buffer).buffer, read.buffer);
    stream.destroy();
  });
});
