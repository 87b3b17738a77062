import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { LimitExceededError } from '../../../../src/errors/index.js';
import { OTHER, SELF, TestLog } from './support.js';

const texts = (test: TestLog, streams: string | readonly string[]): string =>
  test.log
    .history(streams)
    .map(({ data }) => data)
    .join(' ');

describe('the history', () => {
  it('is bounded by events per stream', () => {
    const test = new TestLog({ history: { events: 3 } });
    test.publish('a', '1', '2', '3', '4');
    test.publish('b', '5');
    assert.equal(texts(test, 'a'), '2 3 4');
    assert.equal(texts(test, '*'), '2 3 4 5');
    assert.deepEqual([test.log.oldestIndex('a'), test.log.oldestIndex('b'), test.log.oldestIndex('*')], [2, 1, 2]);
  });
  it('is bounded by bytes per stream, but never empty for one large event', () => {
    const test = new TestLog({ history: { bytes: 1_000 } });
    test.publish('a', 'x'.repeat(400), 'y'.repeat(400));
    assert.equal(test.log.history('a').length, 1);
    test.publish('a', 'z'.repeat(5_000));
    assert.equal(test.log.newest('a')?.data.length, 5_000);
    assert.equal(test.log.history('a').length, 1);
    test.publish('a', '1', '2');
    assert.equal(texts(test, 'a'), '1 2');
  });
  it('is bounded by age, by a timer when nothing else happens', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.publish('a', '1');
    test.clock.advance(6_000);
    test.publish('b', '2');
    test.clock.advance(3_999);
    assert.equal(test.log.stats().history.events, 2);
    test.clock.advance(1);
    assert.deepEqual([test.log.stats().history.events, texts(test, '*')], [1, '2']);
    assert.deepEqual(test.log.streams(), ['b']);
    test.clock.advance(6_000);
    assert.deepEqual(test.log.stats().history, { events: 0, bytes: 0, streams: 2 });
    assert.equal(test.clock.pending, 0);
  });
  it('lets events of other origins go by the age that they came with', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    assert.equal(test.append(OTHER, 1, 'a', 9_000), 'appended');
    assert.equal(texts(test, 'a'), 'b1');
    test.clock.advance(1_000);
    assert.equal(texts(test, 'a'), '');
  });
  it('is bounded by bytes over all streams, the oldest first, and one event always stays', () => {
    const test = new TestLog({ limits: { budgetBytes: 1_000 } });
    test.publish('a', 'x'.repeat(300));
    test.publish('b', 'y'.repeat(300));
    test.publish('c', 'z'.repeat(300));
    assert.deepEqual(test.log.streams(), ['b', 'c']);
    test.publish('d', 'w'.repeat(2_000));
    assert.deepEqual(test.log.streams(), ['d']);
    assert.equal(test.log.oldestIndex('*'), 4);
  });
  it('gives the newest event of a stream, and none of a stream that has none', () => {
    const test = new TestLog();
    test.publish('a', '1', '2');
    test.log.appendLoss(OTHER, 1);
    assert.equal(test.log.newest('a')?.data, '2');
    assert.equal(test.log.newest('b'), undefined);
    assert.equal(test.log.newest('*'), undefined);
  });
  it('of several names and patterns comes in the order of arrival', () => {
    const test = new TestLog();
    for (const [stream, text] of [
      ['b/1', '1'],
      ['a', '2'],
      ['c', '3'],
      ['b/2', '4'],
      ['a', '5'],
    ] as const) {
      test.publish(stream, text);
    }
    assert.equal(texts(test, ['a', 'b/*']), '1 2 4 5');
    assert.equal(texts(test, ['a', 'nobody']), '2 5');
    for (let i = 0; i < 60; i++) test.publish('many', 'x');
    test.publish('a', '6');
    assert.equal(texts(test, ['a', 'b/*']), '1 2 4 5 6');
    assert.equal(texts(test, ['b/1', 'many', 'a']), `1 2 5 ${'x '.repeat(60)}6`);
  });
});

describe('streams beyond maxStreams', () => {
  it('take the place of one without events, and who followed it is told of a gap rather than nothing', () => {
    const test = new TestLog({ limits: { maxStreams: 2 }, history: { age: 10_000 } });
    test.publish('a', '1');
    const cursor = test.log.cursor('a');
    test.publish('a', '2');
    test.clock.advance(10_000);
    test.publish('b', '3');
    test.publish('c', '4');
    assert.equal(test.log.stats().history.streams, 2);
    assert.equal(test.follow('a', { start: { cursor } }).rest(), `<expired ${SELF}:1-2>`);
    assert.equal(test.follow('a', { start: { index: 2 } }).rest(), '<expired>');
    assert.equal(test.log.oldestIndex('a'), 3);
    assert.equal(test.log.oldestIndex('b'), 1);
  });
  it('push out the oldest events when all have some', () => {
    const test = new TestLog({ limits: { maxStreams: 2 } });
    test.publish('a', '1');
    test.publish('b', '2', '3');
    test.publish('c', '4');
    assert.deepEqual(test.log.streams(), ['b', 'c']);
    assert.equal(test.append(OTHER, 1, 'd'), 'appended');
    assert.deepEqual(test.log.streams(), ['c', 'd']);
  });
  it('are refused when all are followed, and nothing is lost for it', () => {
    const test = new TestLog({ limits: { maxStreams: 2 } });
    test.publish('a', '1');
    test.publish('b', '2');
    const followers = [test.follow('a'), test.follow('b')];
    assert.throws(() => test.publish('c', '3'), LimitExceededError);
    assert.equal(texts(test, '*'), '1 2');
    assert.equal(test.log.index, 2);
    followers[0]?.follower.end();
    test.publish('c', '3');
    assert.equal(texts(test, '*'), '2 3');
  });
  it('that are only followed do not keep events from coming', () => {
    const test = new TestLog({ limits: { maxStreams: 2 } });
    const followers = [test.follow('x'), test.follow('y')];
    assert.throws(() => test.follow('z'), LimitExceededError);
    test.publish('a', '1');
    test.publish('x', '2');
    assert.equal(followers[0]?.rest(), '2');
    for (const { follower } of followers) follower.end();
    assert.deepEqual(test.log.streams().toSorted(), ['a', 'x']);
    assert.equal(test.follow('z').follower.lag, 0);
  });
  it('and patterns have bounds of their own, which those who leave give back', () => {
    const test = new TestLog({ limits: { maxStreams: 2, maxPatterns: 1 } });
    const patterns = [test.follow('a*'), test.follow('a*')];
    assert.throws(() => test.follow('b*'), LimitExceededError);
    const sets = [test.follow(['a', 'b']), test.follow(['a', 'c'])];
    assert.throws(() => test.follow(['a', 'd']), LimitExceededError);
    sets[0]?.follower.end();
    assert.equal(test.follow(['a', 'd']).follower.ended, undefined);
    assert.throws(() => test.follow('b*'), LimitExceededError);
    for (const { follower } of patterns) follower.end();
    assert.equal(test.follow('b*').follower.ended, undefined);
  });
});
