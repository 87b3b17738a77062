import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FIN, INITIAL_WINDOW, SYN, data, describeFrames, fin, syn, windowUpdate } from '../support/yamux-frames.js';
import { block, pack, preface } from '../support/yamux-preface.js';
import { arena, endedBy, flood } from './yamux-support.js';

// Row 2: a peer that provokes our resets, instead of sending its own (CVE-2025-8671, CVE-2025-55163).

const many = (frames: (id: number) => Buffer): Buffer =>
  Buffer.concat(Array.from({ length: 1000 }, (_, index) => frames(2 * index + 1)));

for (const [what, frames] of [
  ['data after FIN', (id: number) => Buffer.concat([syn(id), fin(id), data(id, 'x')])],
  ['a second FIN', (id: number) => Buffer.concat([syn(id), fin(id), fin(id)])],
  ['a second FIN with data', (id: number) => Buffer.concat([data(id, 'x', SYN | FIN), data(id, 'x', FIN)])],
] as const) {
  it(`${what} on fresh streams: each makes us reset, and pays from the budget of resets`, async () => {
    let started = 0;
    const ring = await arena({
      handler: async () => {
        started++;
        await new Promise(() => {});
      },
    });
    try {
      await flood(ring.attacker, many(frames));
      endedBy((await ring.victim.closed).error, 'resetBurst');
      assert.ok(started <= 110, `${started}`);
      const lines = describeFrames(ring.received());
      assert.ok(lines.filter((line) => line.endsWith('rst 0')).length <= 110);
      assert.ok(lines.includes('GOAWAY 1'));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

for (const [what, body] of [
  ['a body that is no map', block(1, pack(['a', 'b']))],
  ['a body that is no msgpack', block(1, Buffer.from('c1c1c1c1', 'hex'))],
  ['names outside the grammar', preface([['a b', ['x']]])],
  ['values with line breaks', preface([['a', ['x\r\ny: z']]])],
  ['too many headers', preface([['a', Array.from({ length: 129 }, () => '')]])],
] as const) {
  it(`prefaces with ${what}: no handler, and the same budget`, async () => {
    let started = 0;
    const ring = await arena({ options: { headers: true }, handler: () => void started++ });
    try {
      await flood(
        ring.attacker,
        many((id) => data(id, body, SYN)),
      );
      endedBy((await ring.victim.closed).error, 'resetBurst');
      assert.equal(started, 0);
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('a bad window update on a fresh stream ends the connection at once', async () => {
  const ring = await arena();
  try {
    ring.attacker.write(Buffer.concat([syn(1), windowUpdate(1, 0xffffffff - INITIAL_WINDOW + 1)]));
    const { kind, error } = await ring.victim.closed;
    assert.equal(kind, 'protocol-error');
    assert.match(String(error), /window of stream 1/);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
