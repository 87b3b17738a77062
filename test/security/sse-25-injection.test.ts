import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { encodeEvent, sinkEvents, type EncodableEvent } from '../../src/sse/index.js';
import { everySplit, parsePieces, parseStream, serve } from '../support/event-streams.js';

/** Row 25: CR or LF in what an application sends must not start a field or an event of its own. */

/** Text with many line ends, colons, spaces, NULs, marks, field names and characters of every width. */
const hostile = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc
    .array(
      fc.constantFrom(
        '\r',
        '\n',
        '\r\n',
        ':',
        ' ',
        '\0',
        '\uFEFF',
        'data',
        'event: x',
        'id: 1',
        'retry: 1',
        '…',
        '\u{1F600}',
        '\u2028',
        '\u0085',
        '\uD83D',
        '\uDE00',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
);
const oneLine = hostile.map((text) => text.replaceAll(/[\0\r\n]/g, ''));

const anyEvent = fc.record<EncodableEvent>(
  {
    data: hostile,
    event: oneLine,
    id: oneLine,
    retry: fc.nat(),
    comment: hostile,
  },
  { requiredKeys: ['data'] },
);

/** What UTF-8 makes of a text: half surrogate pairs become U+FFFD. */
const onWire = (text: string): string => Buffer.from(text).toString();
const withLineFeeds = (text: string): string => onWire(text).replaceAll(/\r\n|\r/g, '\n');

describe('25: SSE injection', () => {
  it('any event, encoded and parsed under every split, is the same event, and always exactly one', () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        for (const pieces of everySplit(encodeEvent(event))) {
          const { events, retries, lastEventId, comments } = parsePieces(pieces);
          assert.deepEqual(events, [
            {
              type: event.event === undefined || event.event === '' ? 'message' : onWire(event.event),
              data: withLineFeeds(event.data ?? ''),
              lastEventId: onWire(event.id ?? ''),
            },
          ]);
          assert.deepEqual(retries, event.retry === undefined ? [] : [event.retry]);
          assert.equal(lastEventId, onWire(event.id ?? ''));
          if (event.comment !== undefined) {
            assert.equal(comments.map((line) => line.slice(1)).join('\n'), withLineFeeds(event.comment));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('a stream of any events gives them all, in order', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 5 }), (sent) => {
        const { events } = parseStream(sent.map(encodeEvent).join(''));
        assert.deepEqual(
          events.map(({ data }) => data),
          sent.map(({ data }) => withLineFeeds(data ?? '')),
        );
      }),
      { numRuns: 200 },
    );
  });

  for (const field of ['event', 'id'] as const) {
    for (const bad of ['\r', '\n', '\0', 'a\r\ndata: b', 'a\n', '\rb']) {
      it(`${field} with ${JSON.stringify(bad)} is refused`, () => {
        assert.throws(() => encodeEvent({ data: 'x', [field]: bad }), { code: 'ERR_INVALID_ARGUMENT' });
      });
    }
  }

  it('characters that only some call line ends are no line ends', () => {
    const data = 'a\u2028data: b\u2029\u0085\u000B\u000Cid: 1';
    assert.deepEqual(parseStream(encodeEvent({ data, event: 'x\u2028y' })).events, [
      { type: 'x\u2028y', data, lastEventId: '' },
    ]);
  });

  for (const retry of [-1, 1.5, Number.NaN, Infinity, '1\ndata: x', null, {}]) {
    it(`retry ${JSON.stringify(retry)} is refused`, () => {
      assert.throws(() => encodeEvent(Object.assign({ data: 'x' }, { retry }) as EncodableEvent), {
        code: 'ERR_INVALID_ARGUMENT',
      });
    });
  }

  for (const field of ['data', 'event', 'id', 'comment']) {
    it(`${field} that is no text is refused, whatever its toString says`, () => {
      const value = { toString: () => 'x\ndata: y', includes: () => false, split: () => ['x\ndata: y'] };
      assert.throws(() => encodeEvent(Object.assign({ data: 'x' }, { [field]: value })), {
        code: 'ERR_INVALID_ARGUMENT',
      });
    });
  }

  it('a sink writes nothing of an event that it cannot encode, and cuts the response', async () => {
    const failures: unknown[] = [];
    await using server = await serve(async (_request, response) => {
      try {
        await sinkEvents(response, 200, [{ data: 'good' }, { data: 'bad', event: 'a\ndata: injected' }, 'never']);
      } catch (error) {
        failures.push(error);
      }
    });
    const response = await fetch(server.url);
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of response.body ?? []) text += Buffer.from(chunk as Uint8Array).toString();
    });
    assert.ok(!text.includes('injected') && !text.includes('never'), text);
    assert.equal(failures.length, 1);
    assert.equal(Reflect.get(failures[0] as object, 'code'), 'ERR_INVALID_ARGUMENT');
  });
});
