import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError, LimitExceededError } from '../../../../src/errors/index.js';
import { LogClosedError } from '../../../../src/push/log/errors.js';
import type { PublishOptions } from '../../../../src/push/log/event-log.js';
import { SELF, TestLog } from './support.js';

describe('publishing', () => {
  it('gives the event, numbered over all streams', () => {
    const { log, clock } = new TestLog();
    log.publish('a', 'x');
    clock.advance(5);
    const event = log.publish('b', { some: ['value', 1] }, { type: 'made', key: 'k' });
    assert.deepEqual(
      { ...event },
      {
        kind: 'event',
        stream: 'b',
        type: 'made',
        data: '{"some":["value",1]}',
        origin: SELF,
        n: 2,
        index: 2,
        time: 1_005,
        key: 'k',
      },
    );
    assert.deepEqual(event.json(), { some: ['value', 1] });
    assert.equal(log.index, 2);
    assert.equal(log.newest('b'), event);
  });
  it('sends text as it is, with halves of pairs replaced, and anything else as JSON', () => {
    const { log } = new TestLog();
    const sent = ['"', 'a\r\nb', '\uD800', null, 0, false, [], { toJSON: () => 'x' }].map(
      (data) => log.publish('a', data).data,
    );
    assert.deepEqual(sent, ['"', 'a\r\nb', '\uFFFD', 'null', '0', 'false', '[]', '"x"']);
  });
  it('refuses what cannot be sent, and counts nothing then', () => {
    const { log } = new TestLog({ limits: { maxEventBytes: 8 } });
    const circle: Record<string, unknown> = {};
    circle['circle'] = circle;
    for (const data of [undefined, () => {}, Symbol('x'), 1n, circle]) {
      assert.throws(() => log.publish('a', data), InvalidArgumentError);
    }
    // JSON would make them something else: {"0":1}, {"type":"Buffer"}, {}.
    for (const data of [new Uint8Array([1]), Buffer.from('x'), new ArrayBuffer(1), new DataView(new ArrayBuffer(1))]) {
      assert.throws(() => log.publish('a', data), /encode bytes as text, such as base64$/);
    }
    for (const data of [new Map([['a', 1]]), new Set([1])]) {
      assert.throws(() => log.publish('a', data), InvalidArgumentError);
    }
    assert.throws(() => log.publish('a', '123456789'), LimitExceededError);
    assert.throws(() => log.publish('a', 'äääää'), /has 10 bytes, more than the 8 that limits.maxEventBytes allows$/);
    assert.throws(() => log.publish('a', 'äääää'), LimitExceededError);
    assert.throws(() => log.publish('', 'x'), InvalidArgumentError);
    assert.throws(() => log.publish('a*', 'x'), InvalidArgumentError);
    assert.throws(() => log.publish('a', 'x', { type: 'gap' }), InvalidArgumentError);
    assert.throws(() => log.publish('a', 'x', { key: '' }), InvalidArgumentError);
    assert.throws(() => log.publish('a', 'x', { key: 'k'.repeat(257) }), InvalidArgumentError);
    assert.throws(() => log.publish('a', 'x', { typ: 'made' } as PublishOptions), /is type meant/);
    assert.deepEqual([log.index, log.streams(), log.stats().published], [0, [], 0]);
    assert.equal(log.publish('a', 'ääää').n, 1);
    log.close();
    assert.throws(() => log.publish('a', 'x'), LogClosedError);
  });
  it('may be done by those who are served: their events come in a later flush', () => {
    const test = new TestLog();
    const echo = test.follow('a', {
      onReady: () => {
        const text = echo.rest();
        if (text.length < 4) test.publish('a', `${text}!`);
      },
    });
    const other = test.follow('a');
    echo.pull();
    other.pull();
    test.publish('a', 'x');
    test.tick();
    assert.equal(other.rest(), 'x x!');
    while (test.scheduled) test.tick();
    assert.equal(other.rest(), 'x!! x!!!');
  });
});

describe('publishing under a key', () => {
  it('again gives the event that is there, and publishes nothing', () => {
    const { log } = new TestLog();
    const first = log.publish('a', 'x', { key: 'k' });
    assert.equal(log.publish('a', 'y', { key: 'k' }), first);
    assert.notEqual(log.publish('b', 'x', { key: 'k' }), first);
    assert.notEqual(log.publish('a', 'x', { key: 'k2' }), first);
    assert.equal(log.index, 3);
  });
  it('is new once the event has left the history, by number or by age', () => {
    const { log, clock } = new TestLog({ history: { events: 2, age: 5_000 } });
    const first = log.publish('a', 'x', { key: 'k' });
    log.publish('a', '1');
    log.publish('a', '2');
    const second = log.publish('a', 'y', { key: 'k' });
    assert.notEqual(second, first);
    clock.advance(4_999);
    assert.equal(log.publish('a', 'z', { key: 'k' }), second);
    clock.advance(1);
    assert.notEqual(log.publish('a', 'z', { key: 'k' }), second);
  });
  it('stays known when an older event with the same key of another origin leaves', () => {
    const test = new TestLog({ history: { events: 2 } });
    test.log.append({ origin: 'bbbbbbbb', n: 1, stream: 'a', type: 'message', data: 'theirs', age: 0, key: 'k' });
    test.log.append({ origin: 'zzzzzzzz', n: 1, stream: 'a', type: 'message', data: 'third', age: 0, key: 'k' });
    test.publish('a', 'pushes the oldest out');
    assert.equal(test.log.publish('a', 'again', { key: 'k' }).data, 'third');
  });
  it('keeps keys of streams apart, whatever is in them', () => {
    const { log } = new TestLog();
    const first = log.publish('a', 'x', { key: 'b\nc' });
    assert.notEqual(log.publish('a', 'y', { key: 'c' }), first);
    assert.equal(log.publish('a', 'z', { key: 'b\nc' }), first);
  });
});
