// Row 27: unbounded history, abuse of cursors, abuse of filters.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  EventLog,
  InvalidArgumentError,
  InvalidCursorError,
  LimitExceededError,
  type Follower,
  type Framer,
  type StartPosition,
} from '../../src/push/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

const MIB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes that are in use: of JavaScript's heap and of buffers, which V8 frees in the background after a collection. */
function used(): number {
  let least = Infinity;
  for (let i = 0; i < 4; i++) {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    least = Math.min(least, heapUsed + arrayBuffers);
  }
  return least;
}

function buffers(): Framer<Buffer> {
  return {
    event: ({ data }, cursor) => Buffer.from(`id: ${cursor}\ndata: ${data}\n\n`),
    gap: ({ reason }) => Buffer.from(reason),
    batch: (frames) => Buffer.concat(frames),
    size: ({ length }) => length,
  };
}

const SHARED = buffers();

function follow(
  log: EventLog,
  streams: string | readonly string[],
  start: StartPosition = 'now',
  framer: Framer<Buffer> = SHARED,
): Follower<Buffer> {
  return log.follow({ streams, start, framer, transport: 'test', onReady: () => {} });
}

describe('the history of a log', () => {
  it('stays within its bounds, whatever is published on however many streams', () => {
    const limits = { budgetBytes: MIB, maxStreams: 500 };
    const log = new EventLog({ limits, history: { events: 50 }, clock: new VirtualClock() });
    for (let i = 0; i < 20_000; i++) log.publish(`stream ${i % 3_000}`, 'x'.repeat(i % 400), { key: `key ${i}` });
    const { events, bytes, streams } = log.stats().history;
    assert.ok(bytes <= MIB && streams <= 500 && events <= MIB / 128, JSON.stringify({ events, bytes, streams }));
    assert.ok(events > 100);
    log.close();
  });
  it('is bounded with all that transports make of it', () => {
    const log = new EventLog({ limits: { budgetBytes: 4 * MIB }, clock: new VirtualClock() });
    for (let i = 0; i < 400; i++) log.publish('a', 'x'.repeat(10_000));
    const before = used();
    const followers: Follower<Buffer>[] = [];
    for (let i = 0; i < 30; i++) {
      // Each a set and a form of its own.
      const follower = follow(log, ['a', `b${i}`], 'start', buffers());
      followers.push(follower);
      while (follower.pull({ bytes: 65_536 }) !== undefined);
    }
    assert.equal(log.stats().deliveredItems['test'], 400 * 30);
    const grown = used() - before;
    assert.ok(grown < 16 * MIB, `${Math.round(grown / MIB)} MiB`);
    log.close();
  });
  it('keeps nothing of clients that came, waited and went, though the stream is quiet', () => {
    const log = new EventLog({ clock: new VirtualClock() });
    const stays = follow(log, 'quiet');
    stays.pull();
    const visit = (times: number): void => {
      for (let i = 0; i < times; i++) {
        const follower = follow(log, 'quiet');
        follower.pull();
        follower.end();
      }
    };
    visit(1_000);
    const before = used();
    visit(30_000);
    const grown = used() - before;
    assert.ok(grown < 2 * MIB, `${grown} bytes`);
    assert.deepEqual([log.subscribers().length, log.counts().get('quiet')], [1, 1]);
    log.close();
  });
});

describe('cursors', () => {
  const log = new EventLog({ origin: 'mmmmmmmm', clock: new VirtualClock(), history: { events: 10 } });
  for (let i = 0; i < 100; i++) log.publish('a', String(i));

  it('that are malformed, too long or of the future of this run are refused before anything is followed', () => {
    for (const cursor of [
      'x'.repeat(MIB),
      `${'mmmmmmmm1.'.repeat(100_000)}mmmmmmmm1`,
      'mmmmmmmm1Zz',
      'mmmmmmmm99999999999999999999',
      'mmmmmmmm-1',
      '__proto__',
      '../../../etc/passwd',
      'mmmmmmmm1\r\nSet-Cookie: a=b',
      '\0',
    ]) {
      assert.throws(() => follow(log, 'new', { cursor }), InvalidCursorError);
    }
    assert.deepEqual([log.streams(), log.subscribers()], [['a'], []]);
  });
  it('that are old, or of runs that never were, bring one gap and what there is', () => {
    const old = follow(log, 'a', { cursor: 'mmmmmmmm0' });
    assert.equal(String(old.pull()?.payload), 'expired');
    assert.equal(old.pull()?.items, 10);
    const forged = Array.from({ length: 128 }, (_, i) => `${'AAAAA'}${100 + i}zzzzzzz`).join('.');
    const stranger = follow(log, 'a', { cursor: forged });
    assert.equal(String(stranger.pull()?.payload), 'unknown-origin');
    assert.equal(stranger.pull()?.items, 10);
    // What it claimed to know is not carried on.
    assert.equal(stranger.cursor, log.cursor('a'));
    for (const follower of [old, stranger]) follower.end();
  });
});

describe('filters', () => {
  it('are bounded in length, stars and number', () => {
    const log = new EventLog({ clock: new VirtualClock(), limits: { maxPatterns: 20, maxStreams: 30 } });
    for (const streams of [
      'x'.repeat(257),
      '*'.repeat(9),
      Array.from({ length: 65 }, (_, i) => `s${i}`),
      Array.from({ length: 100_000 }, (_, i) => `${i}`),
      [],
      '',
      'a\nb',
    ]) {
      assert.throws(() => follow(log, streams), InvalidArgumentError);
    }
    for (let i = 0; i < 20; i++) follow(log, `*${i}*`);
    assert.throws(() => follow(log, 'one more*'), LimitExceededError);
    for (let i = 0; i < 30; i++) follow(log, `${i}`);
    assert.throws(() => follow(log, 'one more'), LimitExceededError);
    for (let i = 0; i < 30; i++) follow(log, [`${i}`, 'both']);
    assert.throws(() => follow(log, ['one more', 'both']), LimitExceededError);
    // Publishers do not pay for what is only followed.
    for (let i = 0; i < 100; i++) log.publish(`new ${i}`, 'x');
    assert.equal(log.stats().history.events, 30);
    log.close();
  });
  it('that take long to compare are compared when they come, not for each event', () => {
    const log = new EventLog({ clock: new VirtualClock() });
    const name = 'a'.repeat(256);
    log.publish(name, 'x');
    const hostile = Array.from({ length: 64 }, (_, i) => `*${'a*'.repeat(6)}${'a'.repeat(20 + i)}b*`);
    const follower = follow(log, hostile);
    for (let i = 0; i < 20_000; i++) log.publish(name, 'x');
    assert.equal(follower.lag, 0);
    log.close();
  });
});
