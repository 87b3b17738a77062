import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { EventLog } from '../../src/push/log/event-log.js';
import type { Gap } from '../../src/push/log/types.js';
import { eventStreamFrames } from '../../src/push/sse/frames.js';
import { silentLogger } from '../../src/logger/logger.js';
import { parseStream } from '../support/event-streams.js';
import { answerTo, openStream, servePush } from '../support/push-sse.js';

// Row 25: nothing in an event makes a second event, or another field.

const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        '\n',
        '\r',
        '\r\n',
        '\0',
        '\u2028',
        'data: x',
        'id: 9',
        'event: x',
        'retry: 1',
        ':',
        ' ',
        '\uFEFF',
      ),
    )
    .map((parts) => parts.join('')),
);
/** What is left of a text on the way: line ends are line feeds, half surrogate pairs U+FFFD. */
const received = (text: string): string =>
  Buffer.from(text)
    .toString()
    .replaceAll(/\r\n|\r/g, '\n');

describe('25: an event is one event', () => {
  it('whatever its data', () => {
    const log = new EventLog();
    const frames = eventStreamFrames(silentLogger);
    fc.assert(
      fc.property(hostile, fc.constantFrom('message', 'price', 'öl'), (data, type) => {
        const block = frames.event(log.publish('a', data, { type }), 'cursor');
        const { events, lastEventId, retries } = parseStream(`${block}data: next\n\n`);
        assert.deepEqual(
          events.map((event) => [event.type, event.data]),
          [
            [type, received(data)],
            ['message', 'next'],
          ],
        );
        assert.equal(lastEventId, 'cursor');
        assert.deepEqual(retries, []);
      }),
    );
    log.close();
  });

  it('whatever an encode hook makes of it: what cannot be sent safely is left out', () => {
    const log = new EventLog();
    fc.assert(
      fc.property(hostile, hostile, hostile, (event, data, comment) => {
        const hook = (): object => ({ event, data, comment, id: 'mine' });
        const block = eventStreamFrames(silentLogger, hook).event(log.publish('a', 'x'), 'cursor');
        const { events, lastEventId, retries } = parseStream(`${block}data: next\n\n`);
        assert.ok(events.length === 1 || events.length === 2);
        assert.equal(events.at(-1)?.data, 'next');
        if (events.length === 2) assert.equal(events[0]?.data, received(data));
        if (/[\0\r\n]/.test(event)) assert.equal(events.length, 1);
        assert.equal(lastEventId, 'cursor');
        assert.deepEqual(retries, []);
      }),
    );
    log.close();
  });

  it('whatever the names in a gap', () => {
    fc.assert(
      fc.property(fc.array(hostile), (streams) => {
        const gap: Gap = { kind: 'gap', reason: 'lost', streams, missing: [] };
        const { events } = parseStream(`${eventStreamFrames(silentLogger).gap(gap, 'cursor')}data: next\n\n`);
        assert.equal(events.length, 2);
        assert.equal(events[0]?.type, 'gap');
        const told = JSON.parse(events[0]?.data ?? '') as { streams: string[] };
        assert.equal(JSON.stringify(told.streams), JSON.stringify(streams));
      }),
    );
  });

  it('types with line ends do not get as far as the log', () => {
    const log = new EventLog();
    for (const type of ['a\nb', 'a\rb', 'a\0b', '\n']) {
      assert.throws(() => log.publish('a', 'x', { type }), { code: 'ERR_INVALID_ARGUMENT' });
    }
    assert.equal(log.index, 0);
    log.close();
  });
});

describe('25: what a client sends is not sent back as it is', () => {
  it('neither a cursor nor a stream', async () => {
    await using push = await servePush();
    const injected = encodeURIComponent('x\n\ndata: injected\n\n');
    for (const query of [`stream=${injected}`, `stream=a&cursor=${injected}`, `stream=a&lastEventId=${injected}`]) {
      const { status, headers, body } = await answerTo(`${push.url}/?${query}`);
      assert.equal(status, 400);
      assert.equal(headers['content-type'], 'application/json');
      assert.doesNotMatch(body, /[\r\n]/);
    }
  });

  it('over the wire an event stays one', async () => {
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a`);
    push.log.publish('a', 'one\r\rdata: two\n\n\nevent: evil\ndata: three\n\n');
    push.log.publish('a', 'last');
    await client.until(({ data }) => data.at(-1) === 'last');
    assert.deepEqual(
      client.events.map(({ type, data }) => [type, data]),
      [
        ['message', 'one\n\ndata: two\n\n\nevent: evil\ndata: three\n\n'],
        ['message', 'last'],
      ],
    );
  });
});
