import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError, LimitExceededError } from '../../../../src/errors/index.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import { LogClosedError } from '../../../../src/push/log/errors.js';
import type { Framer } from '../../../../src/push/log/types.js';
import { OTHER, SELF, TestLog } from './support.js';

/** The data and the cursor beside it; live events in brackets. */
const CURSORS: Framer<string> = {
  event: ({ data, live }, cursor) => `${live === true ? `[${data}]` : data}@${cursor}`,
  gap: ({ reason }, cursor) => `<${reason}>@${cursor}`,
  batch: (frames) => frames.join(' '),
  size: ({ length }) => length,
};

describe('deliver', () => {
  it('reaches those who follow by name or pattern, in order with what is published, and tells how many they are', () => {
    const test = new TestLog();
    const followers = [test.follow('a'), test.follow(['a', 'b']), test.follow('*'), test.follow('a*')];
    const other = test.follow('b');
    test.publish('a', '1');
    assert.equal(test.log.deliver('a', 'live'), 4);
    test.publish('a', '2');
    for (const follower of followers) assert.equal(follower.rest(), '1 live 2');
    assert.equal(other.rest(), '');
    assert.equal(test.log.deliver('nobody', ''), 1);
    followers[2]?.follower.end();
    assert.equal(test.log.deliver('nobody', ''), 0);
  });
  it('is an event without number, marked live', () => {
    const { log, ...test } = new TestLog();
    const seen: object[] = [];
    const framer: Framer<string> = {
      ...CURSORS,
      event: (event) => {
        seen.push({ ...event, json: event.json() });
        return '';
      },
    };
    const follower = log.follow({ streams: 'a', framer, transport: 'test', onReady: () => {} });
    log.publish('b', 'before');
    log.deliver('a', { x: 1 }, { type: 'moved' });
    follower.pull();
    const fields = { kind: 'event', stream: 'a', type: 'moved', data: '{"x":1}', origin: SELF, n: 0, index: 1 };
    assert.deepEqual(seen, [{ ...fields, time: test.clock.now(), key: undefined, live: true, json: { x: 1 } }]);
  });
  it('leaves no trace in what can be asked or copied', () => {
    const test = new TestLog();
    test.follow('a');
    test.follow('*');
    const told: unknown[] = [];
    test.log.tap((event) => told.push(event));
    test.append(OTHER, 1, 'a');
    const before = [test.log.cursor('a'), test.log.cursor('*'), test.log.index, [...test.log.have()]];
    test.log.deliver('a', 'live');
    test.log.deliver('fresh', 'live');
    assert.deepEqual([test.log.cursor('a'), test.log.cursor('*'), test.log.index, [...test.log.have()]], before);
    assert.deepEqual(
      [test.log.history('*'), test.log.history('a')].map((events) => events.map(({ data }) => data)),
      [['b1'], ['b1']],
    );
    assert.equal(test.log.newest('a')?.data, 'b1');
    assert.equal(test.log.newest('fresh'), undefined);
    assert.deepEqual([...test.log.eventsOf(OTHER)].length, 1);
    assert.deepEqual([...test.log.eventsOf(SELF)], []);
    assert.equal(told.length, 1);
    const parts = [...test.log.snapshot()];
    assert.deepEqual(
      parts.flatMap(({ events }) => events.map(({ data }) => data)),
      ['b1'],
    );
    assert.equal(test.log.oldestIndex('a'), 1);
    assert.deepEqual(test.log.streams(), ['a']);
    const { published, appended, live, liveMissed } = test.log.stats();
    assert.deepEqual([published, appended, live, liveMissed], [0, 1, 2, 0]);
  });
  it('reaches nobody who comes later, from wherever', () => {
    const test = new TestLog();
    test.follow('a');
    test.publish('a', '1');
    test.log.deliver('a', 'live');
    test.publish('a', '2');
    test.log.deliver('a', 'live');
    const start = { cursor: `${SELF}0` };
    assert.equal(test.follow('a', { start: 'start' }).rest(), '1 2');
    assert.equal(test.follow('a', { start }).rest(), '1 2');
    assert.equal(test.follow('a', { start: { cursor: `${SELF}1` } }).rest(), '2');
    assert.equal(test.follow('a', { start: { index: 1 } }).rest(), '1 2');
    assert.equal(test.follow('a', { start: { index: 2 } }).rest(), '2');
    assert.equal(test.follow('a').rest(), '');
    assert.equal(test.follow('*', { start: 'start' }).rest(), '1 2');
    // As soon as they follow, they are given what comes.
    const late = [test.follow('a', { start }), test.follow('a', { start: 'start' }), test.follow('*', { start })];
    test.log.deliver('a', 'now');
    for (const each of late) assert.equal(each.rest(), '1 2 now');
    assert.equal(late[0]?.follower.lag, 0);
  });
  it('shares slices among those who came between the same live events', () => {
    const test = new TestLog();
    let batches = 0;
    const framer: Framer<string> = {
      ...CURSORS,
      batch: (frames) => {
        batches += 1;
        return frames.join(' ');
      },
    };
    test.publish('a', '1');
    const old = test.follow('a', { framer });
    test.log.deliver('a', 'live');
    const start = { cursor: `${SELF}0` };
    const back = [1, 2, 3].map(() => test.follow('a', { framer, start }));
    test.publish('a', '2');
    for (const each of back) assert.equal(each.rest(), `1@${SELF}1 2@${SELF}2`);
    assert.equal(batches, 1);
    assert.equal(old.rest(), `[live]@${SELF}1 2@${SELF}2`);
    test.tick();
    test.publish('a', '3');
    for (const each of [...back, old]) assert.equal(each.rest(), `3@${SELF}3`);
    assert.equal(batches, 3);
  });
  it('keeps the cursor of those who resume with a vector of their own', () => {
    const test = new TestLog();
    test.append(OTHER, 1, 'a');
    test.publish('a', '1');
    // Has had ours, and lacks the other's.
    const follower = test.follow('a', { framer: CURSORS, start: { cursor: `${SELF}1` } });
    test.log.deliver('a', 'live');
    test.publish('a', '2');
    const both = `${OTHER}1.${SELF}1`;
    assert.equal(follower.pull({ items: 1 }), `b1@${both}`);
    assert.equal(follower.pull({ items: 1 }), `[live]@${both}`);
    assert.equal(follower.cursor, both);
    assert.equal(follower.rest(), `2@${OTHER}1.${SELF}2`);
    // Ahead of this pod: the cursor stays ahead.
    const ahead = test.follow('a', { framer: CURSORS, start: { cursor: `${OTHER}9.${SELF}2` } });
    test.log.deliver('a', 'live');
    assert.equal(ahead.rest(), `[live]@${OTHER}9.${SELF}2`);
  });
  it('reaches those who wait by index, but not for one of the future', () => {
    const test = new TestLog();
    test.publish('a', '1');
    const next = test.follow('a', { start: { index: 2 } });
    const later = test.follow('a', { start: { index: 3 } });
    test.log.deliver('a', 'live');
    assert.equal(next.rest(), 'live');
    assert.equal(later.rest(), '');
    test.publish('a', '2');
    test.log.deliver('a', 'now');
    assert.equal(next.rest(), '2 now');
    assert.equal(later.rest(), 'now');
  });
  it('checks what it is given', () => {
    const { log } = new TestLog({ limits: { maxEventBytes: 4 } });
    assert.throws(() => log.deliver('a*', ''), InvalidArgumentError);
    assert.throws(() => log.deliver('', ''), InvalidArgumentError);
    assert.throws(() => log.deliver('a', '', { type: 'gap' }), InvalidArgumentError);
    assert.throws(() => log.deliver('a', '', JSON.parse('{"key":"k"}') as object), InvalidArgumentError);
    assert.throws(() => log.deliver('a', 'x'.repeat(5)), LimitExceededError);
    assert.throws(() => log.deliver('a', undefined), InvalidArgumentError);
    log.close();
    assert.throws(() => log.deliver('a', ''), LogClosedError);
  });
  it('is as typed as publishing', () => {
    const log = new EventLog<{ news: { message: string }; pos: { moved: { x: number } } }>();
    log.deliver('news', 'text');
    log.deliver('pos', { x: 1 }, { type: 'moved' });
    // @ts-expect-error there is no such stream
    log.deliver('other', 'text');
    // @ts-expect-error the type has to be said
    assert.equal(log.deliver('pos', { x: 1 }), 0);
  });
});

describe('live events and bounds', () => {
  it('count in the ring, and are given up without a word while nothing else is', () => {
    const test = new TestLog({ history: { events: 3 } });
    const slow = [test.follow('a'), test.follow('a', { whenOvertaken: 'drop' }), test.follow('*')];
    for (const data of ['1', '2', '3', '4', '5']) test.log.deliver('a', data);
    for (const each of slow) assert.equal(each.rest(), '3 4 5');
    const { gaps, liveMissed } = test.log.stats();
    assert.deepEqual([gaps.overtaken, liveMissed], [0, 6]);
    assert.equal(test.log.oldestIndex('a'), 1);
  });
  it('leave the events among them in the promise', () => {
    const test = new TestLog({ history: { events: 3 } });
    const follower = test.follow('a', { framer: CURSORS });
    const dropped = test.follow('a', { whenOvertaken: 'drop' });
    test.log.deliver('a', 'x');
    test.publish('a', '1');
    for (const data of ['y', 'z']) test.log.deliver('a', data);
    assert.equal(follower.rest(), `1@${SELF}1 [y]@${SELF}1 [z]@${SELF}1`);
    for (const data of ['v', 'w']) test.log.deliver('a', data);
    assert.equal(follower.rest(), `[v]@${SELF}1 [w]@${SELF}1`);
    assert.equal(test.log.oldestIndex('a'), 2);
    // The event has left: whoever has not had it is told, or dropped, and given what is left.
    const resumed = test.follow('a', { start: { cursor: `${SELF}0` } });
    assert.equal(resumed.rest(), `<expired ${SELF}:0-1>`);
    assert.equal(dropped.rest(), '');
    assert.deepEqual(dropped.ended, ['overtaken']);
  });
  it('are given to one who was overtaken, behind the gap', () => {
    const test = new TestLog({ history: { events: 3 } });
    const follower = test.follow('a');
    test.publish('a', '1');
    for (const data of ['w', 'x', 'y', 'z']) test.log.deliver('a', data);
    assert.equal(follower.rest(), `<overtaken ${SELF}:0-1> x y z`);
    test.publish('a', '2');
    assert.equal(follower.rest(), '2');
  });
  it('keep a private view as it is when only live events were lost', () => {
    const test = new TestLog({ history: { events: 3 } });
    test.log.meet(OTHER);
    const follower = test.follow('a', { start: { cursor: `${OTHER}9.${SELF}0` } });
    for (const data of ['1', '2', '3', '4']) test.log.deliver('a', data);
    assert.equal(follower.rest(), '2 3 4');
    assert.equal(follower.cursor, `${OTHER}9.${SELF}0`);
  });
  it('take part in the budget, the oldest going first', () => {
    const test = new TestLog({ limits: { budgetBytes: 1_000 } });
    const follower = test.follow('*');
    test.publish('a', 'kept');
    for (let i = 0; i < 20; i++) test.log.deliver('b', `${i}`);
    const { events, bytes } = test.log.stats().history;
    assert.ok(events < 8 && bytes <= 1_000, `${events} events, ${bytes} bytes`);
    assert.equal(test.log.history('a').length, 0);
    const text = follower.rest();
    assert.match(text, new RegExp(`^<overtaken ${SELF}:0-1> .*18 19$`));
    assert.deepEqual(text.split(' ').slice(2).length, events);
  });
  it('expire', () => {
    const test = new TestLog({ history: { age: 10_000 } });
    const follower = test.follow('*');
    test.log.deliver('a', 'old');
    test.clock.advance(11_000);
    assert.equal(test.log.stats().history.events, 0);
    assert.equal(follower.rest(), '');
    test.log.deliver('a', 'new');
    assert.equal(follower.rest(), 'new');
    assert.equal(test.log.stats().liveMissed, 1);
  });
  it('make no stream of a name that nobody follows, and keep none', () => {
    const test = new TestLog({ limits: { maxStreams: 2 } });
    const all = test.follow('*');
    for (let i = 0; i < 50; i++) test.log.deliver(`s${i}`, `${i}`);
    assert.equal(test.log.stats().history.streams, 0);
    assert.equal(all.rest().split(' ').length, 50);
    // Followed by name before there is an event, and left again.
    const one = test.follow('s1');
    test.log.deliver('s1', 'x');
    one.follower.end();
    assert.equal(test.log.stats().history.streams, 0);
    // One that is idle but for live events makes room.
    const two = test.follow('t');
    test.publish('t', '1');
    test.publish('u', '1');
    test.log.deliver('t', 'x');
    two.follower.end();
    test.clock.advance(400_000);
    assert.deepEqual(test.log.streams(), []);
    test.publish('v', '1');
    test.publish('w', '1');
    assert.deepEqual(test.log.streams(), ['v', 'w']);
    assert.equal(test.log.stats().history.streams, 2);
  });
  it('stay out of a set that is gathered from streams that have them', () => {
    const test = new TestLog();
    test.follow('a');
    test.publish('a', '1');
    test.publish('b', '2');
    for (const data of ['x', 'y']) test.log.deliver('a', data);
    const set = test.follow(['a', 'b'], { start: 'start' });
    assert.equal(set.rest(), '1 2');
    test.log.deliver('b', 'z');
    assert.equal(set.rest(), 'z');
  });
});

describe('subscriptions and live events', () => {
  it('get them as items that say so', async () => {
    const log = new EventLog();
    const subscription = log.subscribe('a');
    log.publish('a', { n: 1 });
    log.deliver('a', { n: 2 });
    const items = [(await subscription.next()).value, (await subscription.next()).value];
    assert.deepEqual(
      items.map((item) => (item?.kind === 'event' ? [item.json(), item.live, item.cursor] : item)),
      [
        [{ n: 1 }, undefined, log.cursor('a')],
        [{ n: 2 }, true, log.cursor('a')],
      ],
    );
    assert.equal(subscription.cursor, log.cursor('a'));
    log.close();
  });
});
