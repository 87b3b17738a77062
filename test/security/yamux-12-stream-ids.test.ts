import assert from 'node:assert/strict';
import { it } from 'node:test';
import { bufferMemory } from '../../src/bytes/memory.js';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import { MuxConnection } from '../../src/mux/connection.js';
import { PrefaceMachine } from '../../src/mux/preface/machine.js';
import { duplexPair } from '../../src/testing/index.js';
import { newYamuxServerConnection } from '../../src/yamux/index.js';
import { data, describeFrames, ping, rst, syn, windowUpdate } from '../support/yamux-frames.js';
import { arena, endedBy, flood, until } from './yamux-support.js';

// Row 12: ids of the wrong parity, used twice, reserved, used up; the accept backlog.

for (const [what, frames, started] of [
  ['of our own parity', [syn(2)], 0],
  ['of our own parity, with data', [data(2, 'x', 1)], 0],
  ['0', [syn(0)], 0],
  ['of a stream that is open', [syn(1), syn(1)], 1],
  ['of a stream that is over', [syn(1), rst(1), syn(1)], 1],
  ['of a stream that is over, after others', [syn(5), rst(5), syn(7), syn(5)], 2],
  ['0xffffffff, twice', [syn(0xffffffff), syn(0xffffffff)], 1],
] as const) {
  it(`the id ${what}: the connection ends, nothing is left half-made, the neighbour is served`, async () => {
    let handlers = 0;
    const ring = await arena({ handler: () => void handlers++ });
    try {
      ring.attacker.write(Buffer.concat(frames));
      const { kind } = await ring.victim.closed;
      assert.equal(kind, 'protocol-error');
      assert.deepEqual([handlers, ring.victim.streams.size], [started, 0]);
      assert.ok(describeFrames(ring.received()).includes('GOAWAY 1'));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('ids that overtake each other, as concurrent goroutines make them, and gaps are legal', async () => {
  const ids: number[] = [];
  const ring = await arena({ handler: (stream) => void ids.push(stream.id) });
  try {
    ring.attacker.write(Buffer.concat([syn(7), syn(3), syn(1), syn(0x7fffffff), syn(5), ping(1)]));
    await until(() => describeFrames(ring.received()).includes('PING ack 1'));
    assert.deepEqual(ids, [7, 3, 1, 0x7fffffff, 5]);
    assert.equal(ring.victim.streams.size, 5);
  } finally {
    await ring.stop();
  }
});

it('ids that leave gaps without end cost the same as others; what was passed over long ago counts as used', async () => {
  let handlers = 0;
  const ring = await arena({
    options: { limits: { resetBurst: 1_000_000 } },
    handler: (stream) => {
      handlers++;
      stream.on('error', () => {});
    },
  });
  try {
    const frames: Buffer[] = [];
    for (let id = 1; id < 200_000; id += 4) frames.push(syn(id), rst(id));
    await flood(ring.attacker, Buffer.concat([...frames, ping(1)]));
    await until(() => ring.received().includes(ping(1, 2)));
    assert.equal(handlers, 50_000);
    ring.attacker.write(Buffer.concat([syn(199_995), syn(3)]));
    const { error } = await ring.victim.closed;
    assert.match(String(error), /stream 3/);
    assert.equal(handlers, 50_001);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('a client near 2^31 keeps working past it, and one near 2^32 to the last; then it says so, and open streams go on', async () => {
  const echo: NewStreamHandler = (stream) => void stream.pipe(stream);
  const pair = (firstStreamId: number): [Connection, Connection] => {
    const [left, right] = duplexPair();
    const server = newYamuxServerConnection(right, echo, { pingPeriod: 0 });
    const client = new MuxConnection(
      left,
      (events, setup) =>
        new PrefaceMachine({ ...setup, role: 'client', allocate: bufferMemory, firstStreamId }, events),
      () => {},
      { pingPeriod: 0 },
    );
    return [client, server];
  };
  const roundTrip = async (client: Connection): Promise<number> => {
    const stream = await client.createStream({ a: 'b' });
    stream.end('works');
    const chunks: string[] = [];
    for await (const chunk of stream) chunks.push(String(chunk));
    assert.equal(chunks.join(''), 'works');
    return stream.id;
  };

  const [middle, middleServer] = pair(2 ** 31 - 3);
  const ids: number[] = [];
  for (let i = 0; i < 6; i++) ids.push(await roundTrip(middle));
  assert.deepEqual(
    ids,
    [-3, -1, 1, 3, 5, 7].map((offset) => 2 ** 31 + offset),
  );
  await middle.close();
  await middleServer.closed;

  const [client, server] = pair(2 ** 32 - 5);
  const open = await client.createStream({});
  assert.equal(await roundTrip(client), 2 ** 32 - 3);
  assert.equal(await roundTrip(client), 2 ** 32 - 1);
  await assert.rejects(client.createStream({}), { code: 'ERR_STREAMS_EXHAUSTED' });
  assert.throws(() => client.openStream({}), { code: 'ERR_STREAMS_EXHAUSTED' });
  open.end('still');
  const chunks: string[] = [];
  for await (const chunk of open) chunks.push(String(chunk));
  assert.equal(chunks.join(''), 'still');
  assert.ok((await client.ping()) >= 0);
  await client.close();
  await server.closed;
});

it('acceptBacklog: as many replies can be put off, one more is refused', async () => {
  const ring = await arena({ options: { limits: { acceptBacklog: 3 } }, handler: (stream) => stream.deferReply() });
  try {
    ring.attacker.write(Buffer.concat([syn(1), syn(3), syn(5), syn(7), ping(1)]));
    await until(() => describeFrames(ring.received()).includes('PING ack 1'));
    assert.deepEqual(describeFrames(ring.received()), ['WINDOW 7 rst 0', 'PING ack 1']);
    assert.equal(ring.victim.streams.size, 3);
  } finally {
    await ring.stop();
  }
});

it('frames for ids that never were, without end, end the connection', async () => {
  const ring = await arena({ options: { limits: { emptyFrameBurst: 100, emptyFramesPerSecond: 1 } } });
  try {
    await flood(
      ring.attacker,
      Buffer.concat(Array.from({ length: 1000 }, (_, index) => windowUpdate(2 * index + 1, 1))),
    );
    endedBy((await ring.victim.closed).error, 'emptyFrameBurst');
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
