import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import type { SubscribeOptions, Subscription } from '../../../../src/push/log/subscription.js';
import { SELF, TestLog } from './support.js';

async function next(subscription: Subscription): Promise<string> {
  const { done, value } = await subscription.next();
  if (done === true) return 'done';
  return value.kind === 'event' ? value.data : value.reason;
}

describe('a subscription that is iterated', () => {
  it('gives events and gaps with the cursor behind each', async () => {
    const test = new TestLog({ history: { events: 2 } });
    test.publish('a', '1', '2', '3');
    const subscription = test.log.subscribe('a', { start: { cursor: `${SELF}0` } });
    assert.equal(subscription.cursor, `${SELF}0`);
    const cursors: string[] = [];
    for await (const { kind, cursor } of subscription) {
      assert.equal(subscription.cursor, cursor);
      cursors.push(`${kind} ${cursor}`);
      if (cursors.length === 3) break;
    }
    assert.deepEqual(cursors, [`gap ${SELF}1`, `event ${SELF}2`, `event ${SELF}3`]);
    assert.equal(await subscription.closed, 'left');
    assert.deepEqual(test.log.subscribers(), []);
  });
  it('answers several calls of next in order', async () => {
    const test = new TestLog();
    const subscription = test.log.subscribe('a');
    const answers = [next(subscription), next(subscription), next(subscription), next(subscription)];
    await new Promise(setImmediate);
    test.publish('a', '1');
    test.tick();
    await new Promise(setImmediate);
    test.publish('a', '2', '3');
    test.tick();
    await Promise.all(answers.slice(0, 3));
    subscription.close();
    assert.deepEqual(await Promise.all(answers), ['1', '2', '3', 'done']);
    assert.equal(await next(subscription), 'done');
  });
  it('ends what waits when it is returned from, disposed of or closed', async () => {
    const test = new TestLog();
    for (const end of [
      async (subscription: Subscription) => void (await subscription.return()),
      (subscription: Subscription) => subscription[Symbol.asyncDispose](),
      (subscription: Subscription) => subscription.close(),
    ]) {
      const subscription = test.log.subscribe('a');
      const waiting = next(subscription);
      await new Promise(setImmediate);
      await end(subscription);
      assert.equal(await waiting, 'done');
      assert.equal(await subscription.closed, 'left');
    }
    assert.deepEqual(test.log.subscribers(), []);
  });
  it('does not give what is left over once it was closed', async () => {
    const test = new TestLog();
    const subscription = test.log.subscribe('a');
    test.publish('a', '1', '2');
    assert.equal(await next(subscription), '1');
    subscription.close();
    assert.equal(await next(subscription), 'done');
  });
  it('ends by a signal, and lets go of it', async () => {
    const test = new TestLog();
    const controller = new AbortController();
    const subscription = test.log.subscribe('a', { signal: controller.signal });
    const waiting = next(subscription);
    controller.abort();
    assert.equal(await waiting, 'done');
    assert.equal(await test.log.subscribe('a', { signal: controller.signal }).closed, 'left');
    assert.deepEqual(test.log.stats().ended, { subscription: { left: 2 } });
  });
  it('gives what is due yet when the log is closed, however much it is', async () => {
    const test = new TestLog({ history: { events: 200_000, bytes: 2 ** 30 } });
    const subscription = test.log.subscribe('a');
    for (let i = 0; i < 150_000; i++) test.log.publish('a', '');
    test.publish('a', 'last');
    assert.equal(await next(subscription), '');
    test.log.close();
    assert.equal(await subscription.closed, 'closed');
    assert.deepEqual([await next(subscription), test.log.stats().deliveredItems], ['', { subscription: 150_001 }]);
    subscription.close();
  });
  it('is ended when it is too slow and asked for that', async () => {
    const test = new TestLog({ history: { events: 2 } });
    const subscription = test.log.subscribe('a', { whenOvertaken: 'drop' });
    test.publish('a', '1', '2', '3');
    assert.equal(await next(subscription), 'done');
    assert.equal(await subscription.closed, 'overtaken');
  });
  it('is refused with options that do not exist', () => {
    const { log } = new TestLog();
    assert.throws(() => log.subscribe('a', { begin: 'start' } as SubscribeOptions), InvalidArgumentError);
    assert.throws(() => log.subscribe('a', { cursor: '' } as SubscribeOptions), /belongs to start: \{ cursor \}$/);
    assert.throws(() => log.subscribe('a', 5 as never), InvalidArgumentError);
    assert.throws(() => log.subscribe([]), InvalidArgumentError);
    assert.deepEqual(log.subscribers(), []);
  });
});

describe('a subscription with a handler', () => {
  it('has it called for one item after the other', async () => {
    const test = new TestLog();
    const calls: string[] = [];
    const subscription = test.log.subscribe('a', async (item) => {
      assert.ok(item.kind === 'event');
      calls.push(`${item.data} begins`);
      await new Promise(setImmediate);
      calls.push(`${item.data} ends`);
    });
    test.publish('a', '1', '2');
    test.log.close();
    assert.equal(await subscription.closed, 'closed');
    assert.deepEqual(calls, ['1 begins', '1 ends', '2 begins', '2 ends']);
  });
  it('fails with what it threw, or rejected with', async () => {
    const test = new TestLog();
    for (const handler of [
      () => {
        throw new Error('thrown');
      },
      () => Promise.reject(new Error('thrown')),
    ]) {
      const subscription = test.log.subscribe('a', handler, { start: 'start' });
      test.publish('a', '1');
      await assert.rejects(subscription.closed, /thrown/);
      assert.equal(await next(subscription), 'done');
    }
    assert.deepEqual(test.log.stats().ended, { subscription: { failed: 2 } });
    assert.deepEqual(test.log.subscribers(), []);
  });
  it('fails with a warning when nobody asked how it ends', async () => {
    const test = new TestLog();
    const warned = once(process, 'warning');
    test.log.subscribe('a', () => {
      throw new Error('unheard');
    });
    test.publish('a', '1');
    test.tick();
    assert.equal(((await warned)[0] as Error).message, 'unheard');
  });
  it('fails though the log has ended it meanwhile', async () => {
    const test = new TestLog();
    const subscription = test.log.subscribe('a', () => {
      test.log.close();
      throw new Error('after the end');
    });
    test.publish('a', '1', '2');
    await assert.rejects(subscription.closed, /after the end/);
  });
  it('may close it, publish to it, and is not called again once closed', async () => {
    const test = new TestLog();
    let calls = 0;
    const subscription = test.log.subscribe(
      'a',
      () => {
        calls += 1;
        test.publish('a', 'more');
        if (calls === 3) subscription.close();
      },
      { start: 'start' },
    );
    test.publish('a', '1');
    assert.equal(await subscription.closed, 'left');
    assert.equal(calls, 3);
  });
});
