import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LocalhostPeerFinder } from '../../src/mesh/index.js';
import { PodServer } from '../../src/serve/index.js';

// Row 23: the name of a pod is told in a header of every answer.

describe('23: names of pods', () => {
  it('have nothing in them that a header could not carry', () => {
    for (const name of ['a\r\nSet-Cookie: x', 'a b', 'pod\u0000', 'pöd', '', 'x'.repeat(254)]) {
      const make = () => new PodServer({ finder: new LocalhostPeerFinder(), name });
      assert.throws(make, { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(name));
    }
  });

  it('are checked too where the environment gives them', () => {
    const before = process.env['POD_NAME'];
    process.env['POD_NAME'] = 'a\nb';
    try {
      assert.throws(() => new PodServer({ finder: new LocalhostPeerFinder() }), { code: 'ERR_INVALID_ARGUMENT' });
    } finally {
      if (before === undefined) delete process.env['POD_NAME'];
      else process.env['POD_NAME'] = before;
    }
  });
});
