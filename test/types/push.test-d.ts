// Compiled by `npm run check:types` and never run: what the public types of push promise.
import {
  EventLog,
  type EndReason,
  type Follower,
  type Framer,
  type Gap,
  type GapReason,
  type LogEvent,
  type Subscription,
  type SubscriptionItem,
} from '../../src/push/index.js';

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
function expectType<A>(): <B>(value: B, equal: Equal<A, B>) => void {
  return () => {};
}

interface Order {
  readonly id: number;
}

interface Streams {
  orders: { placed: Order; cancelled: Order & { readonly why: string } };
  news: { message: string };
}

export function publishTypes(log: EventLog<Streams>): void {
  expectType<LogEvent<Order, 'placed'>>()(log.publish('orders', { id: 1 }, { type: 'placed' }), true);
  expectType<LogEvent<string, 'message'>>()(log.publish('news', 'text'), true);
  log.publish('news', 'text', { key: 'k' });
  log.publish('news', 'text', { type: 'message', key: 'k' });
  // @ts-expect-error: no such stream
  log.publish('order', { id: 1 }, { type: 'placed' });
  // @ts-expect-error: no such type of event
  log.publish('orders', { id: 1 }, { type: 'shipped' });
  // @ts-expect-error: a stream without the type `message` needs one
  log.publish('orders', { id: 1 });
  // @ts-expect-error: the data of another type
  log.publish('orders', { id: 1 }, { type: 'cancelled' });
  // @ts-expect-error: data of the wrong type
  log.publish('news', 1);
  // @ts-expect-error: no such option
  log.publish('news', 'text', { id: 'k' });
}

export async function subscribeTypes(log: EventLog<Streams>): Promise<void> {
  for await (const item of log.subscribe('orders')) {
    if (item.kind === 'gap') {
      const gap: Gap = item;
      expectType<GapReason>()(gap.reason, true);
    } else if (item.type === 'cancelled') {
      expectType<string>()(item.json().why, true);
    } else {
      expectType<'placed'>()(item.type, true);
      expectType<Order>()(item.json(), true);
    }
    expectType<string>()(item.cursor, true);
  }
  await using both = log.subscribe(['orders', 'news'], {
    start: { cursor: 'c' },
    signal: AbortSignal.timeout(1),
    whenOvertaken: 'drop',
  });
  const { value } = await both.next();
  if (value?.kind === 'event' && value.stream === 'news') value.data.toUpperCase();
  const handled = log.subscribe(
    'news',
    async (item) => {
      if (item.kind === 'event') expectType<string>()(item.json(), true);
      await Promise.resolve();
    },
    { start: 'start' },
  );
  const reason: EndReason = await handled.closed;
  reason.toUpperCase();
  // @ts-expect-error: no such stream
  log.subscribe('order');
  // @ts-expect-error: a cursor is text
  log.subscribe('news', { start: { cursor: 1 } });
  // @ts-expect-error: no such place
  log.subscribe('news', { start: 'end' });
}

export async function patternTypes(log: EventLog<Streams>): Promise<void> {
  const { value } = await log.subscribe(['ord*', 'news']).next();
  if (value?.kind === 'event' && value.type === 'cancelled') expectType<string>()(value.json().why, true);
  log.subscribe('*', (item) => {
    if (item.kind === 'event' && item.type === 'message') expectType<string>()(item.json(), true);
  });
  // @ts-expect-error: no such stream beside the pattern
  log.subscribe(['ord*', 'new']);
  // @ts-expect-error: a type of events needs a type of data
  new EventLog<{ news: string }>().close();
  const aliased = new EventLog<{ [stream: `user.${string}`]: { message: Order } }>();
  expectType<Order>()(aliased.publish('user.7', { id: 1 }).json(), true);
}

export function untypedLog(log: EventLog): void {
  log.publish('anything', { at: 'all' });
  log.publish('anything', 1, { type: 'else', key: 'k' });
  const subscription: Subscription = log.subscribe(['a', 'b.*']);
  const next: Promise<IteratorResult<SubscriptionItem, undefined>> = subscription.next();
  void next;
  expectType<Map<string, number>>()(log.counts(), true);
}

export function transportTypes(log: EventLog): void {
  const framer: Framer<Buffer> = {
    event: ({ data }, cursor) => Buffer.from(`${cursor} ${data}\n`),
    gap: ({ reason }, cursor) => Buffer.from(`${cursor} ${reason}\n`),
    batch: (frames) => Buffer.concat(frames),
    size: ({ length }) => length,
  };
  const follower: Follower<Buffer> = log.follow({
    streams: ['a', 'b.*'],
    start: { index: 3 },
    framer,
    transport: 'mine',
    onReady: () => follower.pull({ bytes: 65_536 })?.payload.byteLength,
    onEnd: (reason) => reason.length,
  });
  // @ts-expect-error: frames of another kind
  log.follow<string>({ streams: 'a', framer, transport: 'mine', onReady: () => {} });
}
