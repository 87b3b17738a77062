import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { onPushMessage, type PushMessages } from '../../../../src/push/diagnostics/channels.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import type { Follower, Framer, StartPosition } from '../../../../src/push/log/types.js';
import { VirtualClock } from '../../../../src/testing/index.js';

const NAMES = ['trunkline:push:publish', 'trunkline:push:follow', 'trunkline:push:end', 'trunkline:push:gap'] as const;

const TEXT: Framer<string> = {
  event: ({ data }) => data,
  gap: ({ reason }) => `<${reason}>`,
  batch: (frames) => frames.join(','),
  size: ({ length }) => length,
};

interface Heard {
  readonly name: keyof PushMessages;
  readonly message: PushMessages[keyof PushMessages];
}

/** Hears what is said of one log; test files share a process with nobody, tests do with each other. */
function listen(t: TestContext, log: EventLog): Heard[] {
  const heard: Heard[] = [];
  for (const name of NAMES) {
    t.after(
      onPushMessage(name, (message) => {
        if (message.log === log) heard.push({ name, message });
      }),
    );
  }
  return heard;
}

function follow(log: EventLog, start: StartPosition, whenOvertaken: 'gap' | 'drop' = 'gap'): Follower<string> {
  return log.follow({
    streams: ['a', 'b*'],
    start,
    framer: TEXT,
    transport: 'test',
    peer: 'ada',
    whenOvertaken,
    onReady: () => {},
  });
}

describe('the event log on the diagnostics channels', () => {
  it('tells of each event, once, with the event', (t) => {
    const log = new EventLog();
    const heard = listen(t, log);
    const first = log.publish('a', 'x', { key: 'k' });
    log.publish('a', 'x again', { key: 'k' });
    const other = { origin: 'zzzzzzzz', n: 1, stream: 'a', type: 'message', data: 'theirs', age: 0 };
    assert.equal(log.append(other), 'appended');
    assert.equal(log.append(other), 'duplicate');
    assert.deepEqual(
      heard.map(({ name }) => name),
      ['trunkline:push:publish', 'trunkline:push:publish'],
    );
    assert.ok(heard[0] !== undefined && 'event' in heard[0].message && heard[0].message.event === first);
    assert.ok(heard[1] !== undefined && 'event' in heard[1].message);
    assert.equal(heard[1].message.event.origin, 'zzzzzzzz');
    log.close();
  });

  it('tells who follows, what was delivered and why it ended, once', (t) => {
    const log = new EventLog();
    const heard = listen(t, log);
    log.publish('a', '1');
    const follower = follow(log, 'start');
    assert.equal(follower.pull()?.payload, '1');
    follower.end('stalled');
    follower.end('left');
    log.close();
    const [, came, went, ...more] = heard;
    assert.deepEqual(more, []);
    assert.ok(came !== undefined && 'follower' in came.message);
    assert.equal(came.name, 'trunkline:push:follow');
    const { id, streams, transport, peer } = came.message.follower;
    assert.deepEqual(
      { id, streams, transport, peer },
      { id: follower.id, streams: ['a', 'b*'], transport: 'test', peer: 'ada' },
    );
    assert.ok(went !== undefined && 'reason' in went.message);
    assert.equal(went.name, 'trunkline:push:end');
    assert.deepEqual([went.message.reason, went.message.delivered], ['stalled', 1]);
    assert.equal(went.message.follower.id, id);
  });

  it('tells that the log was closed', (t) => {
    const log = new EventLog();
    const heard = listen(t, log);
    follow(log, 'now');
    follow(log, 'now');
    log.close();
    const reasons = heard.map(({ message }) => ('reason' in message ? message.reason : undefined));
    assert.deepEqual(reasons, [undefined, undefined, 'closed', 'closed']);
  });

  it('tells of gaps when they are handed out, with the gap', (t) => {
    const clock = new VirtualClock();
    const log = new EventLog({ clock, history: { events: 2 } });
    const heard = listen(t, log);
    const slow = follow(log, 'now');
    const doomed = follow(log, 'now', 'drop');
    for (let n = 1; n <= 5; n += 1) log.publish('a', String(n));
    assert.equal(heard.filter(({ name }) => name === 'trunkline:push:gap').length, 0);
    assert.equal(slow.pull()?.payload, '<overtaken>');
    assert.equal(doomed.pull(), undefined);
    const gaps = heard.filter(({ name }) => name === 'trunkline:push:gap');
    assert.equal(gaps.length, 1);
    const [gap] = gaps;
    assert.ok(gap !== undefined && 'gap' in gap.message);
    assert.equal(gap.message.follower.id, slow.id);
    assert.equal(gap.message.gap.reason, 'overtaken');
    assert.deepEqual(gap.message.gap.missing, [{ origin: log.origin, after: 0, through: 3 }]);
    const ends = heard.filter(({ name }) => name === 'trunkline:push:end').map(({ message }) => message);
    assert.equal(ends.length, 1);
    assert.ok(ends[0] !== undefined && 'reason' in ends[0] && ends[0].reason === 'overtaken');
    log.close();
  });
});
