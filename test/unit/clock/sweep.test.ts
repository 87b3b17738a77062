import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Sweep } from '../../../src/clock/sweep.js';
import { VirtualClock } from '../../../src/testing/index.js';

describe('Sweep', () => {
  it('visits each member once per interval, in its own phase, with one timer', () => {
    const clock = new VirtualClock();
    const visits: [string, number][] = [];
    const sweep = new Sweep<string>(clock, 100, (member) => visits.push([member, clock.now()]));
    assert.equal(clock.pending, 0);
    sweep.add('a');
    clock.advance(30);
    sweep.add('b');
    assert.equal(clock.pending, 1);
    for (let i = 0; i < 22; i++) clock.advance(10);
    assert.deepEqual(visits, [
      ['a', 100],
      ['b', 130],
      ['a', 200],
      ['b', 230],
    ]);
  });

  it('keeps no timer without members', () => {
    const clock = new VirtualClock();
    const sweep = new Sweep<string>(clock, 100, () => assert.fail('nobody is there'));
    sweep.add('a');
    sweep.add('b');
    sweep.delete('a');
    assert.equal(clock.pending, 1);
    sweep.delete('b');
    assert.equal(clock.pending, 0);
    assert.equal(sweep.size, 0);
    clock.advance(1_000);
  });

  it('lets members leave and join while it visits', () => {
    const clock = new VirtualClock();
    const visits: string[] = [];
    const sweep = new Sweep<string>(clock, 100, (member) => {
      visits.push(member);
      sweep.delete('b');
      if (visits.length === 1) sweep.add('c');
    });
    for (const member of ['a', 'b']) sweep.add(member);
    clock.advance(100);
    assert.deepEqual(visits, ['a']);
    clock.advance(100);
    assert.deepEqual(visits, ['a', 'a', 'c']);
    sweep.delete('a');
    sweep.delete('c');
    assert.equal(clock.pending, 0);
  });
});
