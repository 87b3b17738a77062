import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OTHER, SELF, TestLog } from './support.js';

/** Ids of runs, as of pods that are restarted again and again. */
function run(at: number): string {
  return `r${String(at).padStart(7, '0')}`;
}

/** A log on which each of so many runs has published one event. */
function logOf(runs: number, pause: number): TestLog {
  const test = new TestLog({ limits: { maxCursorOrigins: 8 } });
  for (let at = 0; at < runs; at++) {
    test.append(run(at), 1, 'a');
    test.clock.advance(pause);
  }
  return test;
}

describe('a cursor of more runs than it has room for', () => {
  for (const pause of [0, 10, 5_000]) {
    it(`brings nothing twice when it resumes, with ${pause} ms between the runs`, () => {
      const test = logOf(0, 0);
      const fresh = test.log.cursor('a');
      for (let at = 0; at < 20; at++) {
        test.append(run(at), 1, 'a');
        test.clock.advance(pause);
      }
      const first = test.follow('a', { start: { cursor: fresh } });
      assert.equal(first.rest(), Array.from({ length: 20 }, () => 'r1').join(' '));
      const again = test.follow('a', { start: { cursor: first.cursor } });
      assert.match(again.rest(), /^<expired( r\d{7}:0-1)+>$/);
      test.append(OTHER, 1, 'a');
      assert.equal(again.rest(), 'b1');
      test.log.checkCursor(again.cursor);
    });
  }
  it('tells of what it leaves out, and of no more', () => {
    const test = logOf(8, 5_000);
    const { cursor } = test.follow('a');
    assert.ok(!cursor.includes(run(0)) && cursor.includes(run(1)));
    assert.equal(test.follow('a', { start: { cursor } }).rest(), `<expired ${run(0)}:0-1>`);
  });
  it('still brings what came since, of runs that it does not name too', () => {
    const test = logOf(12, 5_000);
    const { cursor } = test.follow('a');
    test.append(run(0), 2, 'a');
    test.append(OTHER, 1, 'a');
    const resumed = test.follow('a', { start: { cursor } });
    const [gap, ...events] = resumed.rest().split('> ');
    assert.match(gap ?? '', new RegExp(`^<expired .*${run(0)}:0-1`));
    assert.deepEqual(events, ['r2 b1']);
  });
  it('has the entries that matter most when what is given joins with what is here', () => {
    const test = logOf(7, 5_000);
    test.publish('a', 'own');
    const cursor = Array.from({ length: 8 }, (_, at) => `s000000${at}1`).join('.');
    const resumed = test.follow('a', { start: { cursor } });
    resumed.rest();
    test.log.checkCursor(resumed.cursor);
    assert.ok(resumed.cursor.includes(SELF) && resumed.cursor.includes(run(6)));
  });
});
