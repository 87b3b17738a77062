import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FrameFactory, control, settings, words } from '../support/frames.js';
import { MachineHarness } from '../support/machine.js';
import { arena, flood, memory } from './spdy-support.js';

// Row 5: counts and lengths believed before anything is there (moby/spdystream up to 0.5.0, CVE-2026-35469).

const lies: readonly (readonly [what: string, frame: (peer: FrameFactory) => Buffer])[] = [
  [
    'SETTINGS of 30 bytes that claims 4,294,967,295 entries',
    () => control(4, 0, Buffer.concat([words(0xffffffff), Buffer.alloc(18)])),
  ],
  ['SETTINGS that claims 536,870,912 entries, whose size is 0 in 32 bits', () => settings([], 0x20000000)],
  ['SETTINGS that claims more than its length', () => settings([[1, 1]], 3)],
  ['a header count of 2,147,483,648', (peer) => peer.synStreamBlock(1, words(0x80000000))],
  ['a header count of 4,294,967,295', (peer) => peer.synStreamBlock(1, words(0xffffffff))],
  ['a name of 4 GiB', (peer) => peer.synStreamBlock(1, Buffer.concat([words(1, 0xffffffff), Buffer.from('abc')]))],
  ['a name of 2 GiB', (peer) => peer.synStreamBlock(1, Buffer.concat([words(1, 0x7fffffff), Buffer.from('abc')]))],
  [
    'a value of 4 GiB',
    (peer) => peer.synStreamBlock(1, Buffer.concat([words(1, 1), Buffer.from('a'), words(0xffffffff)])),
  ],
  ['a control frame of 16 MiB', () => control(1, 0, Buffer.alloc(0xffffff)).subarray(0, 64)],
];

for (const [what, frame] of lies) {
  it(`${what}: refused before memory is taken`, () => {
    const harness = new MachineHarness();
    const bytes = frame(new FrameFactory());
    const before = memory();
    const error = harness.failure(bytes);
    assert.ok(error instanceof Error && 'code' in error, String(error));
    assert.ok(error.code === 'ERR_PROTOCOL' || error.code === 'ERR_LIMIT_EXCEEDED', String(error));
    assert.ok(memory() - before < 1024 * 1024);
    assert.deepEqual(harness.takeOutput(), ['GOAWAY 0 1']);
    assert.deepEqual(harness.takeEvents(), []);
  });
}

it('on a socket: the liar is sent away, its neighbour is served', async () => {
  for (const [, frame] of lies) {
    const ring = await arena();
    try {
      await flood(ring.attacker, frame(new FrameFactory()));
      assert.equal((await ring.victim.closed).kind, 'protocol-error');
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  }
});
