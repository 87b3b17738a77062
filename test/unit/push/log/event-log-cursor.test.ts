import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidCursorError } from '../../../../src/push/log/errors.js';
import { OTHER, SELF, TestLog, THIRD } from './support.js';

describe('the cursor of now', () => {
  it('names this run always, and others that have events on the stream', () => {
    const test = new TestLog();
    assert.equal(test.log.cursor('a'), `${SELF}0`);
    test.append(THIRD, 1, 'a');
    test.append(OTHER, 1, 'b');
    test.publish('a', '1');
    assert.equal(test.log.cursor('a'), `${SELF}1.${THIRD}1`);
    assert.equal(test.log.cursor('b'), `${OTHER}1.${SELF}1`);
    assert.equal(test.log.cursor('c'), `${SELF}1`);
    assert.equal(test.log.cursor(['a', 'b']), `${OTHER}1.${SELF}1.${THIRD}1`);
    assert.equal(test.log.cursor('*'), `${OTHER}1.${SELF}1.${THIRD}1`);
  });
  it('is the same whether somebody follows or not, though the events are gone', () => {
    const test = new TestLog({ history: { events: 1, age: 10_000 } });
    test.append(OTHER, 1, 'a');
    test.append(THIRD, 1, 'a');
    test.append(THIRD, 2, 'b');
    test.clock.advance(10_000);
    for (const streams of ['a', ['a', 'b'], '*', 'a*']) {
      const before = test.log.cursor(streams);
      const follower = test.follow(streams);
      assert.equal(follower.cursor, before);
      assert.equal(test.log.cursor(streams), before);
      follower.follower.end();
      assert.equal(test.follow(streams, { start: { cursor: before } }).rest(), '');
    }
  });
  it('lets go of an origin only with an event that comes more than two ages later', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.append(OTHER, 1, 'a');
    const seen = test.log.cursor('a');
    test.clock.advance(19_999);
    test.publish('a', '1');
    assert.equal(test.log.cursor('a'), `${OTHER}1.${SELF}1`);
    test.clock.advance(1);
    assert.equal(test.log.cursor('a'), `${OTHER}1.${SELF}1`);
    test.publish('a', '2');
    assert.equal(test.log.cursor('a'), `${SELF}2`);
    // Neither who names it, nor who was given a cursor without it, missed anything of it.
    assert.equal(test.follow('a', { start: { cursor: seen } }).rest(), '1 2');
    assert.equal(test.follow('a', { start: { cursor: `${SELF}2` } }).rest(), '');
  });
  it('is bounded: of more origins, those that have been quiet longest are left out', () => {
    const test = new TestLog({ limits: { maxCursorOrigins: 3 } });
    for (const origin of ['aaaaaaaa', 'cccccccc', 'dddddddd']) {
      test.append(origin, 1, 'a');
      test.clock.advance(1);
    }
    assert.equal(test.log.cursor('a'), `cccccccc1.dddddddd1.${SELF}0`);
    test.log.checkCursor(test.log.cursor('a'));
  });
  it('is checked before it is used', () => {
    const test = new TestLog();
    test.publish('a', '1');
    test.log.checkCursor(`${SELF}1`);
    test.log.checkCursor(`${OTHER}99`);
    for (const cursor of [`${SELF}2`, '', 'x', `${SELF}1.`]) {
      assert.throws(() => test.log.checkCursor(cursor), InvalidCursorError);
    }
  });
});

describe('resuming', () => {
  it('gives what came since, and nothing twice', () => {
    const test = new TestLog();
    test.publish('a', '1', '2', '3');
    assert.equal(test.follow('a', { start: { cursor: `${SELF}1` } }).rest(), '2 3');
    assert.equal(test.follow('a', { start: { cursor: `${SELF}3` } }).rest(), '');
    assert.equal(test.follow('a', { start: { cursor: `${SELF}0` } }).rest(), '1 2 3');
  });
  it('from events that other pods brought elsewhere in the order leaves out what was had', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.publish('a', '1');
    test.append(OTHER, 2, 'a');
    test.publish('a', '2');
    const follower = test.follow('a', { start: { cursor: `${OTHER}2` } });
    assert.equal(follower.pull({ items: 1 }), '1');
    assert.equal(follower.cursor, `${OTHER}2.${SELF}1`);
    assert.equal(follower.rest(), '2');
    assert.equal(follower.cursor, `${OTHER}2.${SELF}2`);
  });
  it('bounded by bytes goes on where it stopped', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    for (const text of ['first', 'second', 'third']) test.publish('a', text);
    test.append(OTHER, 2, 'a');
    const follower = test.follow('a', { start: { cursor: `${OTHER}2` } });
    const slices: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) slices.push(follower.pull({ bytes: 8 }));
    assert.deepEqual(slices, ['first', 'second', 'third', undefined]);
    assert.equal(follower.cursor, `${OTHER}2.${SELF}3`);
  });
  it('ahead of this pod waits for what it names, and shares again from there', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    const follower = test.follow('a', { start: { cursor: `${OTHER}3` } });
    test.append(OTHER, 2, 'a');
    test.publish('a', '1');
    assert.equal(follower.rest(), '1');
    assert.equal(follower.cursor, `${OTHER}3.${SELF}1`);
    test.append(OTHER, 3, 'a');
    test.append(OTHER, 4, 'a');
    test.tick();
    assert.equal(follower.rest(), 'b4');
    assert.equal(follower.cursor, test.log.cursor('a'));
  });
  it('ahead of all pods, as forged cursors are, is waited for no longer than two ages', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    test.append(OTHER, 1, 'a');
    const follower = test.follow('a', { start: { cursor: `${OTHER}9` } });
    assert.equal(follower.rest(), '');
    test.clock.advance(20_000);
    test.append(OTHER, 2, 'a');
    test.tick();
    assert.equal(follower.rest(), '');
    test.append(OTHER, 3, 'a');
    test.tick();
    assert.equal(follower.rest(), 'b3');
    assert.equal(follower.cursor, `${OTHER}3.${SELF}0`);
  });
  it('with the cursor of a run that nobody knows tells of a gap, and gives what there is', () => {
    const test = new TestLog();
    test.publish('a', '1', '2');
    const follower = test.follow('a', { start: { cursor: `${OTHER}7` } });
    assert.equal(follower.pull(), `<unknown-origin ${OTHER}:7-?>`);
    assert.equal(follower.cursor, `${SELF}0`);
    assert.equal(follower.rest(), '1 2');
  });
  it('with an origin that may turn up yet keeps it in the cursor, for two ages', () => {
    const test = new TestLog({ history: { age: 10_000 }, expectsOrigin: (origin) => origin === OTHER });
    const follower = test.follow('a', { start: { cursor: `${OTHER}7` } });
    assert.equal(follower.rest(), `<unknown-origin ${OTHER}:7-?>`);
    test.publish('a', '1');
    assert.equal(follower.rest(), '1');
    assert.equal(follower.cursor, `${OTHER}7.${SELF}1`);
    test.clock.advance(20_000);
    test.publish('a', '2');
    assert.equal(follower.rest(), '2');
    assert.equal(follower.cursor, `${SELF}2`);
  });
  it('after a gap is not told of it again', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.append(OTHER, 1, 'a');
    test.publish('a', '1', '2', '3');
    const first = test.follow('a', { start: { cursor: `${SELF}0` } });
    assert.equal(first.pull(), `<expired ${OTHER}:0-1 ${SELF}:0-1>`);
    const second = test.follow('a', { start: { cursor: first.cursor } });
    assert.equal(second.rest(), '2 3');
  });
  it('before the gap was read, begins with the gap again', () => {
    const test = new TestLog({ history: { events: 1 } });
    test.publish('a', '1', '2');
    const first = test.follow('a', { start: { cursor: `${SELF}0` } });
    const second = test.follow('a', { start: { cursor: first.cursor } });
    assert.equal(second.rest(), `<expired ${SELF}:0-1> 2`);
  });
  it('on a pattern gives what its streams hold, however long nobody followed it', () => {
    const test = new TestLog({ history: { events: 3 } });
    test.publish('a', '1');
    test.publish('b', '2', '3');
    test.publish('a', '4');
    assert.equal(test.follow('*', { start: 'start' }).rest(), '2 3 4');
    assert.equal(test.follow('*', { start: { cursor: `${SELF}1` } }).rest(), '2 3 4');
    assert.equal(test.follow(['a', 'b'], { start: { cursor: `${SELF}0` } }).rest(), `<expired ${SELF}:0-1> 2 3 4`);
    test.publish('b', '5', '6', '7');
    // Streams hold 1, 4 and 5 to 7; a position before 3, that has left b, cannot be told from one behind it.
    assert.equal(test.follow(['a*', 'b'], { start: { cursor: `${SELF}1` } }).rest(), `<expired ${SELF}:1-4> 5 6 7`);
  });
});
