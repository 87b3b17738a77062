import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ring } from '../../../../src/push/log/ring.js';

describe('Ring', () => {
  it('gives each item a position that it keeps while others come and go', () => {
    const ring = new Ring<number>();
    for (let i = 0; i < 100; i++) ring.push(i);
    for (let i = 0; i < 60; i++) assert.equal(ring.shift(), i);
    for (let i = 100; i < 300; i++) ring.push(i);
    assert.deepEqual([ring.first, ring.end, ring.size], [60, 300, 240]);
    for (let i = 60; i < 300; i++) assert.equal(ring.at(i), i);
  });
  it('has nothing before its first item and behind its last', () => {
    const ring = new Ring<number>();
    assert.equal(ring.at(0), undefined);
    assert.equal(ring.shift(), undefined);
    ring.push(7);
    assert.equal(ring.at(-1), undefined);
    assert.equal(ring.at(1), undefined);
    assert.equal(ring.at(8), undefined);
    assert.equal(ring.shift(), 7);
    assert.equal(ring.at(0), undefined);
    assert.deepEqual([ring.first, ring.end], [1, 1]);
  });
  it('goes on counting after it was empty', () => {
    const ring = new Ring<string>();
    for (let i = 0; i < 50; i++) ring.push(`${i}`);
    while (ring.size > 0) ring.shift();
    ring.push('next');
    assert.equal(ring.at(50), 'next');
  });
});
