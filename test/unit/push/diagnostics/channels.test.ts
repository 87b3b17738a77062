import assert from 'node:assert/strict';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import {
  END_CHANNEL,
  FOLLOW_CHANNEL,
  GAP_CHANNEL,
  PUBLISH_CHANNEL,
  onPushMessage,
  publishIfListened,
  type EndMessage,
} from '../../../../src/push/diagnostics/channels.js';

const log = { origin: 'a1', index: 7 };
const follower = { id: 1, streams: ['s'], transport: 'sse', peer: undefined };
const end: EndMessage = { log, follower, reason: 'left', delivered: 3 };

describe('diagnostics channels', () => {
  it('are those that Node has by these names', () => {
    assert.equal(PUBLISH_CHANNEL, channel('trunkline:push:publish'));
    assert.equal(FOLLOW_CHANNEL, channel('trunkline:push:follow'));
    assert.equal(END_CHANNEL, channel('trunkline:push:end'));
    assert.equal(GAP_CHANNEL, channel('trunkline:push:gap'));
  });

  it('make no message when nobody listens', () => {
    publishIfListened(END_CHANNEL, () => assert.fail('nobody listens'));
  });

  it('refuse a name that none of them has', () => {
    const misspelt: string = 'trunkline:push:publis';
    assert.throws(
      () => onPushMessage(misspelt as 'trunkline:push:publish', () => {}),
      /no channel .*publis.*:publish, /,
    );
  });

  it('bring a message to plain listeners', () => {
    const seen: unknown[] = [];
    const listener = (message: unknown, name: string | symbol): void => void seen.push([name, message]);
    subscribe('trunkline:push:end', listener);
    publishIfListened(END_CHANNEL, () => end);
    unsubscribe('trunkline:push:end', listener);
    publishIfListened(END_CHANNEL, () => assert.fail('nobody listens any more'));
    assert.deepEqual(seen, [['trunkline:push:end', end]]);
  });

  it('bring a message, typed, to listeners until these stop', () => {
    const reasons: string[] = [];
    const first = onPushMessage('trunkline:push:end', ({ reason }) => void reasons.push(`first ${reason}`));
    const second = onPushMessage('trunkline:push:end', ({ reason }) => void reasons.push(`second ${reason}`));
    publishIfListened(END_CHANNEL, () => end);
    first();
    first();
    publishIfListened(END_CHANNEL, () => ({ ...end, reason: 'stalled' }));
    second();
    assert.deepEqual(reasons, ['first left', 'second left', 'second stalled']);
    assert.ok(!END_CHANNEL.hasSubscribers);
  });
});
