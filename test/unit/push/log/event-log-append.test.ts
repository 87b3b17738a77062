import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { LogClosedError } from '../../../../src/push/log/errors.js';
import { OTHER, SELF, TestLog, THIRD } from './support.js';

describe('events of other origins', () => {
  it('come in order and once', () => {
    const test = new TestLog();
    const follower = test.follow('a', { start: 'start' });
    assert.equal(test.append(OTHER, 2, 'a'), 'early');
    assert.equal(test.append(OTHER, 1, 'a'), 'appended');
    assert.equal(test.append(OTHER, 1, 'a'), 'duplicate');
    assert.equal(test.append(OTHER, 2, 'a'), 'appended');
    assert.equal(test.append(THIRD, 1, 'a'), 'appended');
    assert.equal(follower.rest(), 'b1 b2 z1');
    assert.deepEqual(
      [...test.log.have()],
      [
        [SELF, 0],
        [OTHER, 2],
        [THIRD, 1],
      ],
    );
    assert.deepEqual([test.log.stats().appended, test.log.stats().published, test.log.index], [3, 0, 3]);
  });
  it('are refused with fields that no log publishes, and leave nothing behind', () => {
    const { log } = new TestLog();
    const good = { origin: OTHER, n: 1, stream: 'a', type: 'message', data: 'x', age: 0 };
    const bad: readonly object[] = [
      { origin: SELF },
      { origin: 'short' },
      { n: 0 },
      { n: 1.5 },
      { n: 2 ** 53 },
      { n: '1' },
      { stream: 'a*' },
      { stream: '' },
      { type: 'gap' },
      { data: { toJSON: () => 'x' } },
      { data: undefined },
      { age: -1 },
      { age: NaN },
      { age: undefined },
      { key: 5 },
      { key: 'k'.repeat(257) },
    ];
    for (const fields of bad) {
      assert.throws(() => log.append({ ...good, ...fields }), InvalidArgumentError, JSON.stringify(fields));
    }
    assert.deepEqual([log.index, log.streams(), [...log.have()]], [0, [], [[SELF, 0]]]);
    assert.equal(log.append({ ...good, age: Infinity }), 'appended');
    assert.equal(log.appendLoss(OTHER, 2), 'appended');
    log.close();
    assert.throws(() => log.append({ ...good, n: 3 }), LogClosedError);
  });
  it('beyond the age of the history are told of as lost, where they would have been', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    const followers = [test.follow('a'), test.follow('*'), test.follow(['a', 'b']), test.follow('b')];
    test.append(OTHER, 1, 'a', 10_000);
    test.append(OTHER, 2, 'a');
    assert.deepEqual(
      followers.map((follower) => follower.rest()),
      [`<lost ${OTHER}:0-1> b2`, `<lost ${OTHER}:0-1> b2`, `<lost ${OTHER}:0-1> b2`, ''],
    );
  });
  it('that are too large are told of as lost, and the next can come', () => {
    const test = new TestLog({ limits: { maxEventBytes: 8 } });
    const follower = test.follow('a');
    const other = test.follow('b');
    const event = { origin: OTHER, n: 1, stream: 'a', type: 'message', data: 'äöüßä', age: 0 };
    assert.equal(test.log.append(event), 'appended');
    assert.equal(test.append(OTHER, 2, 'a'), 'appended');
    assert.deepEqual([follower.rest(), other.rest()], [`<lost ${OTHER}:0-1> b2`, '']);
  });
  it('of a stream that there is no room for are told of as lost to who follows it, and to nobody else', () => {
    const test = new TestLog({ limits: { maxStreams: 2 } });
    test.publish('a', '1');
    test.publish('x', '2');
    const cursor = test.log.cursor('c');
    const others = [test.follow('a'), test.follow(['a', 'b']), test.follow('x*'), test.follow('x')];
    const followers = [test.follow('c'), test.follow(['a', 'c']), test.follow('c*')];
    assert.equal(test.append(OTHER, 1, 'c'), 'appended');
    assert.equal(test.append(OTHER, 2, 'a'), 'appended');
    assert.deepEqual(
      others.map((follower) => follower.rest()),
      ['b2', 'b2', '', ''],
    );
    assert.deepEqual(
      followers.map((follower) => follower.rest()),
      [`<lost ${OTHER}:0-1>`, `<lost ${OTHER}:0-1> b2`, `<lost ${OTHER}:0-1>`],
    );
    for (const { follower } of [...others, ...followers]) follower.end();
    assert.deepEqual(test.log.streams(), ['a', 'x']);
    assert.equal(test.follow('c', { start: { cursor } }).rest(), `<expired ${OTHER}:0-1>`);
  });
  it('are held by number, for whoever repairs', () => {
    const test = new TestLog({ history: { events: 2 } });
    for (let n = 1; n <= 4; n++) test.append(OTHER, n, n === 1 ? 'b' : 'a');
    const numbers = (after: number): number[] => [...test.log.eventsOf(OTHER, after)].map(({ n }) => n);
    assert.deepEqual([numbers(0), numbers(3), numbers(9)], [[1, 3, 4], [4], []]);
    assert.deepEqual([...test.log.eventsOf(THIRD)], []);
  });
});

describe('losses', () => {
  it('are told to who follows anything, now and on resuming', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const cursor = test.log.cursor('a');
    const live = [test.follow('a'), test.follow('nothing yet'), test.follow(['a', 'b*'])];
    test.log.appendLoss(OTHER, 5);
    test.publish('a', '2');
    const told = `<lost ${OTHER}:0-5>`;
    assert.deepEqual(
      live.map((follower) => follower.rest()),
      [`${told} 2`, told, `${told} 2`],
    );
    assert.equal(test.follow('a', { start: { cursor } }).rest(), `${told} 2`);
    assert.equal(test.follow('a', { start: { index: 2 } }).rest(), `${told} 2`);
    assert.equal(test.log.stats().gaps.lost, 5);
    assert.equal(test.log.appendLoss(OTHER, 5), 'duplicate');
    assert.equal(test.append(OTHER, 6, 'a'), 'appended');
  });
  it('are known of streams that come later, or have no events any more', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.publish('quiet', '1');
    const cursor = test.log.cursor('quiet');
    test.clock.advance(10_000);
    test.log.appendLoss(OTHER, 5);
    const told = `<expired ${OTHER}:0-5>`;
    assert.equal(test.follow('quiet', { start: { cursor } }).rest(), told);
    assert.equal(test.follow('new', { start: { cursor } }).rest(), told);
    assert.equal(test.follow('n*', { start: { cursor } }).rest(), told);
    assert.equal(test.follow('new', { start: { index: 2 } }).rest(), '<expired>');
    assert.equal(test.follow('quiet', { start: { index: 2 } }).rest(), '<expired>');
  });
  it('do not keep streams that fell silent from being forgotten, nor the history from growing old', () => {
    const test = new TestLog({ history: { age: 10_000 }, limits: { maxStreams: 2 } });
    test.publish('a', '1');
    test.clock.advance(10_000);
    test.log.appendLoss(OTHER, 5);
    test.publish('b', '2');
    test.publish('c', '3');
    test.clock.advance(10_000);
    assert.deepEqual(test.log.stats().history, { events: 0, bytes: 0, streams: 2 });
    assert.deepEqual(test.log.history('*'), []);
  });
});
