import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { InvalidCursorError, LogClosedError } from '../../../../src/push/log/errors.js';
import type { FollowOptions, Framer } from '../../../../src/push/log/types.js';
import { OTHER, SELF, TestLog, TEXT } from './support.js';

describe('following', () => {
  it('begins behind the newest event unless told otherwise', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const follower = test.follow('a');
    assert.deepEqual([follower.pull(), follower.follower.lag, follower.cursor], [undefined, 0, `${SELF}1`]);
    test.publish('b', 'other');
    assert.equal(follower.cursor, `${SELF}2`);
    test.publish('a', '3');
    assert.deepEqual([follower.follower.lag, follower.rest(), follower.follower.delivered], [1, '3', 1]);
  });
  it('takes no more than is asked for, but at least one item', () => {
    const test = new TestLog();
    const follower = test.follow('a');
    test.publish('a', 'one', 'two', 'three', 'four', 'five');
    assert.equal(follower.pull({ items: 2 }), 'one two');
    assert.equal(follower.cursor, `${SELF}2`);
    assert.equal(follower.pull({ bytes: 9 }), 'three four');
    assert.equal(follower.pull({ items: 0, bytes: 0 }), 'five');
    assert.equal(follower.pull({ bytes: 1 }), undefined);
  });
  it('is told once per flush, and only after it had everything', () => {
    const test = new TestLog();
    const follower = test.follow('a');
    test.publish('a', '1');
    assert.equal(test.scheduled, false);
    assert.equal(follower.rest(), '1');
    test.publish('a', '2', '3');
    assert.deepEqual([test.flushes, follower.ready], [1, 0]);
    test.tick();
    test.publish('a', '4');
    test.tick();
    assert.equal(follower.ready, 1);
    assert.equal(follower.rest(), '2 3 4');
    test.publish('b', '5');
    test.tick();
    assert.equal(follower.ready, 1);
    test.publish('a', '6');
    test.tick();
    assert.equal(follower.ready, 2);
  });
  it('is not told again by a flush that brings nothing new', () => {
    const test = new TestLog();
    const [first, second] = [test.follow('a'), test.follow('a')];
    test.publish('a', '1');
    // The slice is kept for the second, until the flush of this tick.
    assert.equal(first.rest(), '1');
    assert.equal(test.scheduled, true);
    test.tick();
    assert.equal(first.ready, 0);
    assert.equal(second.rest(), '1');
    test.tick();
    assert.deepEqual([first.ready, second.ready], [0, 0]);
  });
  it('leaves nothing behind when it ends, though it waited', () => {
    const test = new TestLog();
    const follower = test.follow('a');
    const other = test.follow('a');
    follower.pull();
    follower.follower.end();
    follower.follower.end('stalled');
    test.publish('a', '1');
    // Nobody waits: nobody is to be told.
    assert.equal(test.scheduled, false);
    assert.deepEqual([follower.pull(), follower.ready, follower.ended], [undefined, 0, []]);
    assert.deepEqual(test.log.stats().ended, { test: { left: 1 } });
    assert.equal(other.rest(), '1');
    other.follower.end();
    assert.deepEqual(test.log.subscribers(), []);
  });
  it('shares one frame per event, and one slice among those at the same place', () => {
    let made = 0;
    const framer: Framer<{ readonly text: string }> = {
      event: ({ data }) => ({ text: `${(made += 1)}${data}` }),
      gap: () => ({ text: 'gap' }),
      batch: (frames) => ({ text: frames.map(({ text }) => text).join(' ') }),
      size: ({ text }) => text.length,
    };
    const { log } = new TestLog();
    const options = { framer, transport: 'test', onReady: () => {} };
    const [first, second] = [log.follow({ ...options, streams: 'a' }), log.follow({ ...options, streams: 'a' })];
    const [pattern, set] = [log.follow({ ...options, streams: '*' }), log.follow({ ...options, streams: ['a', 'b'] })];
    log.publish('a', 'x');
    log.publish('a', 'y');
    assert.equal(first.pull()?.payload, second.pull()?.payload);
    assert.deepEqual([pattern.pull()?.payload, set.pull()?.payload], [{ text: '1x 2y' }, { text: '1x 2y' }]);
    assert.equal(made, 2);
  });
  it('lists who follows, and how many follow what', () => {
    const test = new TestLog();
    test.follow('a', { peer: 'ada' });
    test.clock.advance(499.7);
    test.follow(['b', 'a']);
    test.publish('a', '1');
    assert.deepEqual(test.log.subscribers(), [
      { id: 1, streams: ['a'], transport: 'test', peer: 'ada', connectedFor: 500, lag: 1, delivered: 0 },
      { id: 2, streams: ['a', 'b'], transport: 'test', peer: undefined, connectedFor: 0, lag: 1, delivered: 0 },
    ]);
    assert.deepEqual(
      [...test.log.counts()],
      [
        ['a', 2],
        ['b', 1],
      ],
    );
  });
  it('is refused with options that mean nothing', () => {
    const { log } = new TestLog();
    const good: FollowOptions<string> = { streams: 'a', framer: TEXT, transport: 'test', onReady: () => {} };
    const bad: readonly object[] = [
      { streams: [] },
      { streams: undefined },
      { start: 'begin' },
      { start: null },
      { start: {} },
      { start: { index: -1 } },
      { start: { index: '1' } },
      { whenOvertaken: 'close' },
      { onReady: undefined },
      { onClose: () => {} },
    ];
    for (const options of bad) assert.throws(() => log.follow({ ...good, ...options }), InvalidArgumentError);
    for (const cursor of ['', 'x', `${SELF}1`, 5, undefined]) {
      assert.throws(() => log.follow({ ...good, start: { cursor: cursor as never } }), InvalidCursorError);
    }
    assert.deepEqual([log.subscribers(), log.streams()], [[], []]);
    log.close();
    assert.throws(() => log.follow(good), LogClosedError);
  });
});

describe('following from an index', () => {
  it('begins with that item, whatever streams the others were of', () => {
    const test = new TestLog();
    test.publish('b', '1');
    test.publish('a', '2', '3', '4');
    assert.equal(test.follow('a', { start: { index: 3 } }).rest(), '3 4');
    assert.equal(test.follow('a', { start: { index: 1 } }).rest(), '2 3 4');
    assert.equal(test.follow('a', { start: { index: 0 } }).rest(), '2 3 4');
    assert.equal(test.follow('*', { start: { index: 1 } }).rest(), '1 2 3 4');
  });
  it('in the future waits for it', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const follower = test.follow('a', { start: { index: 4 } });
    assert.equal(follower.rest(), '');
    test.publish('a', '2', '3');
    test.tick();
    assert.equal(follower.rest(), '');
    test.publish('a', '4', '5');
    test.tick();
    assert.equal(follower.rest(), '4 5');
  });
  it('that is gone tells so, and begins with what there is; index 0 asks for what there is', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.publish('a', '1', '2', '3');
    assert.equal(test.log.oldestIndex('a'), 2);
    assert.equal(test.follow('a', { start: { index: 1 } }).rest(), '<expired> 2 3');
    assert.equal(test.follow('a', { start: { index: 2 } }).rest(), '2 3');
    assert.equal(test.follow('a', { start: { index: 0 } }).rest(), '2 3');
    assert.equal(test.follow('a', { start: 'start' }).rest(), '2 3');
    assert.deepEqual(test.log.stats().gaps, { expired: 1, overtaken: 0, 'unknown-origin': 0, lost: 0 });
  });
  it('gives cursors that go on from there', () => {
    const test = new TestLog();
    test.publish('a', '1', '2', '3');
    const follower = test.follow('a', { start: { index: 2 } });
    assert.equal(follower.cursor, `${SELF}1`);
    assert.equal(test.follow('a', { start: { cursor: follower.cursor } }).rest(), '2 3');
  });
});

describe('a follower that is overtaken', () => {
  it('is told of what it missed, and goes on with what there is', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.publish('a', '0');
    const follower = test.follow('a');
    test.publish('a', '1', '2', '3', '4');
    assert.equal(follower.follower.lag, 2);
    assert.equal(follower.pull(), `<overtaken ${SELF}:1-3>`);
    assert.equal(follower.cursor, `${SELF}3`);
    assert.equal(follower.rest(), '3 4');
  });
  it('before it heard of its gap is told of one gap, with all that is missing', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.publish('a', '1', '2', '3');
    const resumed = test.follow('a', { start: { cursor: `${SELF}0` } });
    const indexed = test.follow('a', { start: { index: 1 } });
    test.publish('a', '4', '5');
    assert.equal(resumed.rest(), `<expired ${SELF}:0-3> 4 5`);
    assert.equal(indexed.rest(), '<expired> 4 5');
  });
  it('by nothing that it lacks is told nothing', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    const follower = test.follow('a');
    test.publish('a', '1');
    assert.equal(follower.rest(), '1');
    test.clock.advance(10_000);
    test.publish('a', '2');
    test.tick();
    assert.equal(follower.rest(), '2');
    assert.equal(test.log.stats().gaps.overtaken, 0);
  });
  it('is dropped where that is the policy', () => {
    const test = new TestLog({ history: { events: 2 } });
    const follower = test.follow('a', { whenOvertaken: 'drop' });
    test.publish('a', '1', '2', '3');
    assert.equal(follower.pull(), undefined);
    assert.deepEqual([follower.ended, follower.follower.ended], [['overtaken'], 'overtaken']);
    assert.deepEqual([follower.pull(), test.log.stats().ended], [undefined, { test: { overtaken: 1 } }]);
  });
  it('and dropped is told of an older gap first', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.publish('a', '1', '2', '3');
    const follower = test.follow('a', { start: { cursor: `${SELF}0` }, whenOvertaken: 'drop' });
    assert.equal(follower.rest(), `<expired ${SELF}:0-1> 2 3`);
    assert.equal(follower.follower.ended, undefined);
  });
});

describe('a follower that fails', () => {
  it('is ended, with a warning, and the others are served', async () => {
    const test = new TestLog();
    const warned = once(process, 'warning');
    const failing = test.follow('a', {
      onReady: () => {
        throw new Error('no more room');
      },
    });
    const other = test.follow('a');
    for (const { follower } of [failing, other]) follower.pull();
    test.publish('a', '1');
    test.tick();
    assert.deepEqual([failing.ended, failing.follower.ended, other.ready], [['failed'], 'failed', 1]);
    assert.equal(((await warned)[0] as Error).message, 'no more room');
  });
  it('again when it hears of its end hinders nobody', async () => {
    const test = new TestLog();
    const warnings: string[] = [];
    const note = ({ message }: Error): void => void warnings.push(message);
    process.on('warning', note);
    const fail = (): never => {
      throw new Error('fails');
    };
    const failing = test.follow('a', { onReady: fail, onEnd: fail });
    const closing = test.follow('a', { onEnd: fail });
    const others = [test.follow('a'), test.follow('b')];
    for (const { follower } of [failing, closing, ...others]) follower.pull();
    test.publish('a', '1');
    test.tick();
    test.log.close();
    await new Promise(setImmediate);
    process.off('warning', note);
    assert.deepEqual(
      others.map(({ ended }) => ended),
      [['closed'], ['closed']],
    );
    assert.deepEqual([failing.follower.ended, closing.follower.ended], ['failed', 'closed']);
    assert.deepEqual(warnings, ['fails', 'fails', 'fails']);
    assert.deepEqual(test.log.subscribers(), []);
  });
});

describe('closing a log', () => {
  it('gives what is due yet, then nothing', () => {
    const test = new TestLog();
    const due: (string | undefined)[] = [];
    const follower = test.follow('a', { onEnd: () => due.push(follower.pull(), follower.pull()) });
    test.publish('a', '1', '2');
    test.log.close();
    test.log.close();
    assert.deepEqual(due, ['1 2', undefined]);
    assert.deepEqual([follower.pull(), follower.follower.ended], [undefined, 'closed']);
    assert.equal(test.clock.pending, 0);
    assert.equal(test.log.history('a').length, 2);
    test.tick();
  });
  it('may be done by who is served, follows or ends', () => {
    const test = new TestLog();
    const closer = test.follow('a', { onReady: () => test.log.close() });
    const others = [test.follow('a'), test.follow('*')];
    for (const { follower } of [closer, ...others]) follower.pull();
    const leaver = test.follow('a', { onEnd: () => leaver.follower.end() });
    test.append(OTHER, 1, 'a');
    test.tick();
    assert.deepEqual(
      [closer, ...others, leaver].map(({ follower }) => follower.ended),
      ['closed', 'closed', 'closed', 'left'],
    );
    assert.equal(test.log.closed, true);
    assert.deepEqual(test.log.subscribers(), []);
  });
});

describe('a burst', () => {
  const texts = Array.from({ length: 40 }, (_, i) => `${i}`);

  it('that is longer than the history reaches those who had everything, and then it is cut', () => {
    const test = new TestLog({ history: { events: 4 } });
    const ready = test.follow('a');
    const slow = test.follow('a');
    assert.equal(ready.rest(), '');
    test.publish('a', ...texts);
    assert.equal(test.log.history('a').length, 40);
    test.tick();
    // It has been told, and may take it until the next turn.
    assert.equal(ready.ready, 1);
    assert.equal(ready.pull({ items: 30 }), texts.slice(0, 30).join(' '));
    assert.equal(test.scheduled, true);
    test.tick();
    assert.equal(test.log.history('a').length, 4);
    assert.equal(ready.rest(), `<overtaken ${SELF}:30-36> ${texts.slice(36).join(' ')}`);
    assert.equal(slow.rest(), `<overtaken ${SELF}:0-36> ${texts.slice(36).join(' ')}`);
  });
  it('has an end', () => {
    const test = new TestLog({ history: { events: 4 } });
    const ready = test.follow('a');
    assert.equal(ready.rest(), '');
    test.publish('a', ...texts, ...texts);
    assert.equal(test.log.history('a').length, 64);
    assert.match(ready.rest(), new RegExp(`^<overtaken ${SELF}:0-16> 16 17`));
  });
  it('waits for nobody else: the history is cut as it comes', () => {
    const test = new TestLog({ history: { events: 4 } });
    test.follow('a');
    test.publish('a', ...texts);
    assert.equal(test.log.history('a').length, 4);
    const ready = test.follow('*');
    assert.equal(ready.rest(), '');
    test.publish('a', ...texts);
    assert.equal(test.log.history('a').length, 4);
    assert.equal(ready.rest(), texts.join(' '));
  });
  it('stays within the bounds of bytes, and the budget of all', () => {
    const test = new TestLog({ history: { bytes: 1_000 }, limits: { budgetBytes: 4_000 } });
    const ready = test.follow('a');
    assert.equal(ready.rest(), '');
    test.publish('a', ...texts);
    assert.ok(test.log.stats().history.bytes <= 4_000);
    assert.match(ready.rest(), /^<overtaken/);
    test.tick();
    test.tick();
    assert.ok(test.log.stats().history.bytes <= 1_000);
  });
});
