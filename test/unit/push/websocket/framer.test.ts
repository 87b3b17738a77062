import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readServerMessages } from '../../../support/ws-receiver.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import type { Gap } from '../../../../src/push/log/types.js';
import { behindFragment, idFragment, MESSAGES, MESSAGE_ENDS } from '../../../../src/push/websocket/framer.js';

const gap: Gap = {
  kind: 'gap',
  reason: 'overtaken',
  streams: ['s'],
  missing: [{ origin: 'aaaaaaaa', after: 1, through: undefined }],
};

describe('frames of WebSocket subscriptions', () => {
  const log = new EventLog();
  const texts = ['', 'plain', '"quoted" \\ \n', '✓ é \u{1F600}', 'x'.repeat(125), 'y'.repeat(70_000)];
  const events = texts.map((text) => log.publish('s "1"', text, { type: 't' }));
  const expected = [
    ...events.map(({ data }, i) => ({ type: 'event', stream: 's "1"', event: 't', data, cursor: `c${i}` })),
    { type: 'gap', reason: 'overtaken', streams: ['s'], missing: [{ origin: 'aaaaaaaa', after: 1 }], cursor: 'g' },
  ];

  it('without an id are whole messages, which a batch joins into one buffer', () => {
    const frames = [...events.map((event, i) => MESSAGES.event(event, `c${i}`)), MESSAGES.gap(gap, 'g')];
    const batch = MESSAGES.batch(frames);
    assert.equal(batch.length, 1);
    assert.equal(MESSAGES.size(batch), batch[0]?.length);
    assert.deepEqual(readServerMessages(Buffer.concat(batch)), expected);
    assert.equal(MESSAGES.batch(frames.slice(0, 1))[0], frames[0]?.[0]);
  });

  it('with an id begin with a fragment of the subscription and go on with what all share', () => {
    const frames = [...events.map((event, i) => MESSAGE_ENDS.event(event, `c${i}`)), MESSAGE_ENDS.gap(gap, 'g')];
    const batch = MESSAGE_ENDS.batch(frames);
    assert.deepEqual(batch, frames.flat());
    for (const id of ['a', 'é"\\\u{1F600}']) {
      assert.deepEqual(
        readServerMessages(behindFragment(idFragment(id), batch)),
        expected.map((message) => ({ id, ...message })),
      );
    }
  });
});
