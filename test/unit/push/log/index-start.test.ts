import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LogEvent } from '../../../../src/push/log/types.js';
import { seededRandom } from '../../../../src/testing/random.js';
import { OTHER, TestLog } from './support.js';

const STREAMS = ['a', 'b', 'b/1', 'c', 'd', 'e'];
const TARGETS: readonly (readonly [targets: readonly string[], means: (stream: string) => boolean])[] = [
  [['a'], (stream) => stream === 'a'],
  [['b*'], (stream) => stream.startsWith('b')],
  [['a', 'c'], (stream) => stream === 'a' || stream === 'c'],
  [['*'], () => true],
];

describe('following from any index of any past', () => {
  it('gives everything from there, or tells that something is gone', () => {
    let gaps = 0;
    let whole = 0;
    for (let seed = 1; seed <= 60; seed++) {
      const random = seededRandom(seed);
      const below = (most: number): number => Math.floor(random() * most);
      const test = new TestLog({
        history: { events: 3 + below(20), age: 5_000 },
        limits: { maxStreams: 3 + below(5), budgetBytes: 2_000 + below(4_000) },
      });
      const published: LogEvent[] = [];
      let n = 0;
      for (let step = 0; step < 120; step++) {
        const dice = random();
        if (dice < 0.7) published.push(test.log.publish(STREAMS[below(STREAMS.length)] ?? 'a', `${step}`));
        else if (dice < 0.75) test.log.appendLoss(OTHER, (n += 1));
        else if (dice < 0.8) test.clock.advance(below(4_000));
        else {
          const [targets, means] = TARGETS[below(TARGETS.length)] ?? [['a'], () => false];
          const index = 1 + below(test.log.index + 2);
          const told = test.log.oldestIndex(targets) > index;
          const follower = test.follow(targets, { start: { index } });
          const text = follower.rest();
          const items = text
            .replaceAll(/<lost [^>]*>/g, '')
            .split(' ')
            .filter((item) => item !== '');
          const due = published.filter((event) => event.index >= index && means(event.stream)).map(({ data }) => data);
          const gap = items[0] === '<expired>';
          if (gap) {
            gaps += 1;
            const rest = items.slice(1);
            assert.deepEqual(rest, rest.length === 0 ? [] : due.slice(-rest.length));
          } else {
            whole += 1;
            assert.deepEqual(items, due, `seed ${seed}, step ${step}, ${targets.join()} from ${index}`);
          }
          // An index that is said to be too old brings a gap always; sets may know less than their streams do.
          if (told || targets.length + (targets[0]?.includes('*') === true ? 1 : 0) === 1) assert.equal(gap, told);
          follower.follower.end();
        }
      }
    }
    assert.ok(gaps > 100 && whole > 100, `${gaps} with a gap, ${whole} without`);
  });
});
