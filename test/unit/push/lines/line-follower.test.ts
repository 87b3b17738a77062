import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog } from '../../../../src/push/index.js';
import { lineFramer, type Line } from '../../../../src/push/lines/line.js';
import { LineFollower, type Verdict } from '../../../../src/push/lines/line-follower.js';

const framer = lineFramer<Line>({
  event: ({ data }) => ({ bytes: Buffer.from(`${data}\n`), special: data.startsWith('!') }),
  gap: ({ reason }) => ({ bytes: Buffer.from(`gap ${reason}\n`), special: true }),
});

interface Told {
  readonly follower: LineFollower<Line>;
  readonly calls: string[];
}

function follow(log: EventLog, judge: (line: Line, initial: boolean) => Verdict): Told {
  const calls: string[] = [];
  const inner = log.follow({ streams: 'a', start: 'start', framer, transport: 'test', onReady: () => {} });
  const follower = new LineFollower(inner, {
    judge,
    onCaughtUp: () => calls.push('caught up'),
    onLast: () => calls.push('last'),
  });
  return { follower, calls };
}

function logOf(...texts: readonly string[]): EventLog {
  const log = new EventLog();
  for (const text of texts) log.publish('a', text);
  return log;
}

const pulled = ({ follower }: Told, limit?: { readonly items: number }): string | undefined =>
  follower.pull(limit)?.payload.bytes.toString();

describe('following in lines', () => {
  it('gives those at the same place the same payload', () => {
    const log = logOf('1', '2');
    const [a, b] = [follow(log, () => 'send'), follow(log, () => 'send')];
    const [first, second] = [a.follower.pull(), b.follower.pull()];
    assert.equal(first?.payload.bytes.toString(), '1\n2\n');
    assert.equal(first.payload, second?.payload);
    assert.equal(first.bytes, 4);
  });
  it('tells once that all has been had', () => {
    const log = logOf('1');
    const told = follow(log, () => 'send');
    pulled(told);
    assert.deepEqual(told.calls, []);
    assert.equal(pulled(told), undefined);
    log.publish('a', '2');
    assert.equal(pulled(told), '2\n');
    assert.equal(pulled(told), undefined);
    assert.deepEqual(told.calls, ['caught up']);
  });
  for (const [verdict, text] of [
    ['send', '1\n!2\n3\n'],
    ['skip', '1\n3\n'],
    ['last', '1\n!2\n'],
    ['stop', '1\n'],
  ] as const) {
    it(`special lines: ${verdict}`, () => {
      const told = follow(logOf('1', '!2', '3'), () => verdict);
      assert.equal(pulled(told), text);
      const ends = verdict === 'last' || verdict === 'stop';
      assert.deepEqual(told.calls, []);
      assert.equal(pulled(told), undefined);
      assert.deepEqual(told.calls, [ends ? 'last' : 'caught up']);
    });
  }
  it('goes on when all of a slice is left out', () => {
    const told = follow(logOf('!1', '2'), () => 'skip');
    assert.equal(pulled(told, { items: 1 }), '2\n');
  });
  it('stops at once where the first line does', () => {
    const told = follow(logOf('!1', '2'), () => 'stop');
    assert.equal(pulled(told), undefined);
    assert.deepEqual(told.calls, ['last']);
  });
  it('judges by whether all has been had before', () => {
    const log = logOf('!1');
    const seen: boolean[] = [];
    const told = follow(log, (_, initial) => {
      seen.push(initial);
      return 'send';
    });
    pulled(told);
    pulled(told);
    log.publish('a', '!2');
    pulled(told);
    assert.deepEqual(seen, [true, false]);
  });
  it('passes on what the follower knows', () => {
    const log = logOf('1');
    const { follower } = follow(log, () => 'send');
    assert.equal(follower.lag, 1);
    follower.pull();
    assert.deepEqual(
      [follower.lag, follower.delivered, follower.streams, follower.transport, follower.peer, follower.cursor],
      [0, 1, ['a'], 'test', undefined, log.cursor('a')],
    );
    assert.equal(follower.id > 0, true);
    assert.equal(follower.since <= log.clock.now(), true);
    follower.end('timeout');
    assert.equal(follower.ended, 'timeout');
    assert.equal(log.subscribers().length, 0);
  });
  it('says nothing once it has ended', () => {
    const told = follow(logOf('1'), () => 'send');
    told.follower.end();
    assert.equal(pulled(told), undefined);
    assert.deepEqual(told.calls, []);
  });
});
