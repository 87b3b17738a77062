import assert from 'node:assert/strict';
import { it } from 'node:test';
import { MuxConnection } from '../../src/mux/connection.js';
import { newSpdyServerConnection } from '../../src/spdy/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { SpdyMachine } from '../../src/wire/spdy/machine.js';
import { FrameFactory, describeFrames } from '../support/frames.js';
import { arena, flood, until } from './spdy-support.js';

// Row 12: ids of the wrong parity, used twice, going backwards, used up.

for (const [what, ids] of [
  ['0x7fffffff and then anything', [0x7fffffff, 1]],
  ['used twice', [1, 1]],
  ['going backwards', [9, 5]],
  ['of the wrong parity', [2]],
] as const) {
  it(`ids ${what}: that stream is refused, the connection lives, nothing is left half-made`, async () => {
    let started = 0;
    const ring = await arena({ handler: () => void started++ });
    try {
      const factory = new FrameFactory();
      for (const id of ids) ring.attacker.write(factory.synStream(id));
      ring.attacker.write(Buffer.from('800300060000000400000063', 'hex'));
      await until(() => describeFrames(ring.received()).includes('PING 99'));
      const bad = ids.at(-1);
      assert.ok(describeFrames(ring.received()).includes(`RST_STREAM ${bad} 1`));
      assert.equal(started, ids.length - 1);
      assert.ok(bad !== undefined && !ring.victim.streams.has(bad));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('illegal ids without end are paid from the reset budget', async () => {
  let started = 0;
  const ring = await arena({ handler: () => void started++ });
  try {
    const factory = new FrameFactory();
    await flood(ring.attacker, Buffer.concat(Array.from({ length: 1000 }, () => factory.synStream(2))));
    const { error } = await ring.victim.closed;
    assert.ok(error && 'limit' in error && error.limit === 'resetBurst', String(error));
    assert.equal(started, 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('malformed header values without end are paid from the reset budget', async () => {
  let started = 0;
  const ring = await arena({ handler: () => void started++ });
  try {
    const factory = new FrameFactory();
    const frames = Array.from({ length: 1000 }, (_, index) => factory.synStream(2 * index + 1, [['a', 'b\r\nc: d']]));
    await flood(ring.attacker, Buffer.concat(frames));
    const { error } = await ring.victim.closed;
    assert.ok(error && 'limit' in error && error.limit === 'resetBurst', String(error));
    assert.equal(started, 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('a client near the end of its ids works to the last one, then says so; open streams go on', async () => {
  const [left, right] = duplexPair();
  const server = newSpdyServerConnection(right, (stream) => void stream.pipe(stream), { pingPeriod: 0 });
  const client = new MuxConnection(
    left,
    (events, { limits, now }) => new SpdyMachine({ role: 'client', limits, now, firstStreamId: 2 ** 31 - 3 }, events),
    () => {},
    { pingPeriod: 0 },
  );
  const first = await client.createStream({});
  const last = await client.createStream({});
  assert.deepEqual([first.id, last.id], [2 ** 31 - 3, 2 ** 31 - 1]);
  await assert.rejects(client.createStream({}), { code: 'ERR_STREAMS_EXHAUSTED' });
  assert.throws(() => client.openStream({}), { code: 'ERR_STREAMS_EXHAUSTED' });
  for (const stream of [last, first]) {
    stream.end('works');
    const chunks: string[] = [];
    for await (const chunk of stream) chunks.push(String(chunk));
    assert.equal(chunks.join(''), 'works');
  }
  assert.ok((await client.ping()) >= 0);
  await client.close();
  await server.closed;
});
