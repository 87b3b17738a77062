import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { Timetable, type TimedWatch } from '../../../../src/push/watch/timetable.js';

function watchOf(calls: string[], name: string, deadline: number, bookmarks = true): TimedWatch {
  return {
    deadline,
    end: () => calls.push(`end ${name}`),
    ...(bookmarks ? { bookmark: () => calls.push(`bookmark ${name}`) } : {}),
  };
}

describe('the timetable of watches', () => {
  it('ends each in time', () => {
    const clock = new VirtualClock(5);
    const calls: string[] = [];
    const timetable = new Timetable(clock, 0);
    timetable.add(watchOf(calls, 'late', 305));
    timetable.add(watchOf(calls, 'soon', 105));
    timetable.add(watchOf(calls, 'never', Infinity));
    clock.advance(99);
    assert.deepEqual(calls.slice(), []);
    clock.advance(1);
    assert.deepEqual(calls.slice(), ['end soon']);
    clock.advance(10_000);
    assert.deepEqual(calls.slice(), ['end soon', 'end late']);
  });
  it('has those send bookmarks that want to, all at once, and one timer', () => {
    const clock = new VirtualClock();
    const calls: string[] = [];
    const timetable = new Timetable(clock, 100);
    timetable.add(watchOf(calls, 'a', 250));
    clock.advance(50);
    timetable.add(watchOf(calls, 'b', Infinity));
    timetable.add(watchOf(calls, 'silent', Infinity, false));
    assert.equal(clock.pending, 1);
    clock.advance(50);
    assert.deepEqual(calls.splice(0), ['bookmark a', 'bookmark b']);
    clock.advance(100);
    assert.deepEqual(calls.splice(0), ['bookmark a', 'bookmark b']);
    clock.advance(100);
    assert.deepEqual(calls.splice(0), ['end a', 'bookmark b']);
  });
  it('keeps no timer when nobody watches', () => {
    const clock = new VirtualClock();
    const calls: string[] = [];
    const timetable = new Timetable(clock, 100);
    const watch = watchOf(calls, 'a', 1000);
    timetable.add(watch);
    timetable.remove(watch);
    assert.equal(clock.pending, 0);
    clock.advance(5000);
    timetable.add(watchOf(calls, 'b', 5050, false));
    clock.advance(50);
    assert.deepEqual(calls, ['end b']);
  });
});
