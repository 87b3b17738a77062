import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { OTHER, SELF, TestLog, THIRD } from './support.js';

describe('losses that may be of any stream', () => {
  it('cost next to nothing however many streams there are, until these are looked at', () => {
    const test = new TestLog();
    for (let i = 0; i < 500; i++) test.publish(`s${i}`, 'x');
    const followed = test.follow('s0');
    const { events } = test.log.stats().history;
    for (let i = 1; i <= 10; i++) test.log.appendLoss(OTHER, 5 * i);
    assert.equal(test.log.stats().history.events - events, 20);
    assert.equal(followed.rest().match(/<lost/g)?.length, 10);
    test.publish('s1', 'y');
    assert.equal(test.log.stats().history.events - events, 31);
  });
  it('stand before what comes next, and are told to those who come back', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const before = test.log.cursor('a');
    test.log.appendLoss(OTHER, 5);
    test.publish('a', '2');
    assert.equal(test.follow('a', { start: { cursor: before } }).rest(), `<lost ${OTHER}:0-5> 2`);
    assert.equal(test.follow('a', { start: 'start' }).rest(), `1 <lost ${OTHER}:0-5> 2`);
    // And to those who come back to a stream to which nothing has come.
    test.publish('b', '3');
    const quiet = test.log.cursor('b');
    test.log.appendLoss(OTHER, 9);
    assert.equal(test.follow('b', { start: { cursor: quiet } }).rest(), `<lost ${OTHER}:5-9>`);
  });
  it('are behind the position of now', () => {
    const test = new TestLog();
    test.publish('a', '1');
    test.log.appendLoss(OTHER, 5);
    const cursor = test.log.cursor('a');
    assert.equal(cursor, `${OTHER}5.${SELF}1`);
    assert.equal(test.follow('a', { start: { cursor } }).rest(), '');
    assert.equal(test.follow('a').rest(), '');
  });
  it('are told once what came before has left the history, and they with it', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.append(OTHER, 1, 'a');
    const cursor = test.log.cursor('a');
    test.log.appendLoss(OTHER, 5);
    test.log.appendLoss(THIRD, 2);
    test.clock.advance(11_000);
    assert.equal(test.log.stats().history.events, 0);
    test.publish('a', 'new');
    const told = test.follow('a', { start: { cursor } }).rest();
    assert.equal(told, `<expired ${OTHER}:1-5 ${THIRD}:0-2> new`);
    assert.equal(test.log.oldestIndex('a'), 4);
  });
  it('count for the plain number of what is there', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.publish('a', '1');
    test.log.appendLoss(OTHER, 5);
    assert.equal(test.log.oldestIndex('a'), 1);
    test.clock.advance(11_000);
    assert.equal(test.log.oldestIndex('a'), 3);
    assert.equal(test.log.oldestIndex('nobody'), 3);
  });
  it('are told to sets at once, and not again', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const set = test.follow(['a', 'b'], { start: 'start' });
    test.log.appendLoss(OTHER, 5);
    assert.equal(set.rest(), `1 <lost ${OTHER}:0-5>`);
    const again = test.follow(['a', 'b'], { start: 'start' });
    test.publish('a', '2');
    assert.equal(set.rest(), '2');
    assert.equal(again.rest(), `1 <lost ${OTHER}:0-5> 2`);
    assert.equal(test.log.cursor(['a', 'b']), `${OTHER}5.${SELF}2`);
  });
  it('are copied to whoever joins, looked at or not', () => {
    const test = new TestLog();
    for (const stream of ['a', 'b', 'c']) test.publish(stream, stream);
    const cursor = test.log.cursor('a');
    test.log.appendLoss(OTHER, 5);
    test.publish('a', 'a2');
    const copy = new TestLog({ origin: THIRD });
    for (const part of test.log.snapshot()) copy.log.adopt(part);
    for (const [stream, rest] of [
      ['a', `<lost ${OTHER}:0-5> a2`],
      ['b', `<lost ${OTHER}:0-5>`],
      ['c', `<lost ${OTHER}:0-5>`],
    ] as const) {
      assert.equal(copy.follow(stream, { start: { cursor } }).rest(), rest);
      assert.equal(test.follow(stream, { start: { cursor } }).rest(), rest);
    }
  });
});
