import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { survivor } from '../../../../src/mesh/node/pairing.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handLink } from '../../../sim/hand-link.js';

const clock = new VirtualClock();

describe('Pairing', () => {
  it('keeps the link that the lower run has dialled, on both sides, whichever came first', () => {
    for (const [self, other, own] of [
      ['AAAAAAAA', 'BBBBBBBB', true],
      ['BBBBBBBB', 'AAAAAAAA', false],
    ] as const) {
      const dialled = handLink(clock, { origin: other }, true).link;
      const accepted = handLink(clock, { origin: other }, false).link;
      for (const pair of [[dialled, accepted] as const, [accepted, dialled] as const]) {
        assert.equal(survivor(...pair, self), own ? dialled : accepted);
      }
    }
  });

  it('keeps the later of two that the other side has dialled', () => {
    const early = handLink(clock, { dial: 3 }, false).link;
    const late = handLink(clock, { dial: 4 }, false).link;
    assert.equal(survivor(early, late, 'AAAAAAAA'), late);
    assert.equal(survivor(late, early, 'AAAAAAAA'), late);
  });
});
