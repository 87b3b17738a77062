import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { encodePeerEvent, isPostable, parsePeerEvent } from '../../../../src/mesh/sser/peer-event.js';
import { EventLog, type LogEvent } from '../../../../src/push/index.js';
import { parseStream } from '../../../support/event-streams.js';

function eventOf(data: string, type = 'message'): LogEvent {
  return new EventLog().publish('news', data, { type });
}

/** What r3labs/sse writes for a message: it is not split, and one that begins with a colon goes out as it is. */
function written(msg: string): string {
  return `id: 7\n${msg.startsWith(':') ? msg : `data: ${msg}`}\n\n`;
}

describe('a posted event', () => {
  it('is JSON with stream and msg', () => {
    const body = encodePeerEvent(eventOf('update'));
    assert.equal(body.toString(), '{"stream":"news","msg":"update"}');
    assert.deepEqual(parsePeerEvent(body), { stream: 'news', msg: 'update' });
  });

  it('is told from what is none', () => {
    for (const body of [
      '',
      '{',
      'null',
      '7',
      '"text"',
      '[]',
      '{}',
      '{"stream":"a"}',
      '{"msg":"a"}',
      '{"stream":1,"msg":"a"}',
      '{"stream":"a","msg":null}',
      '{"stream":"a","msg":"b"} trailing',
      '\uFEFF{"stream":"a","msg":"b"}',
    ]) {
      assert.equal(parsePeerEvent(Buffer.from(body)), undefined, body);
    }
  });

  it('may have members that are not known, and bytes that are no UTF-8', () => {
    assert.deepEqual(parsePeerEvent(Buffer.from('{"stream":"a","msg":"b","id":[1]}')), { stream: 'a', msg: 'b' });
    const bad = Buffer.concat([Buffer.from('{"stream":"a","msg":"x'), Buffer.of(0xff, 0xc0), Buffer.from('y"}')]);
    assert.deepEqual(parsePeerEvent(bad), { stream: 'a', msg: 'x\uFFFD\uFFFDy' });
  });

  it('does not read members of the prototype', () => {
    assert.equal(parsePeerEvent(Buffer.from('{"__proto__":{"stream":"a","msg":"b"}}')), undefined);
  });

  it('comes out of the original as it was published, whatever it is', () => {
    const cases = [
      ':comment',
      ': x',
      ':',
      '\n:x',
      'a\nevent: forged\ndata: b',
      'a\r\nb\rc\n',
      '\n',
      ' x',
      'id: 1',
      '{\n  "a": 1\n}',
    ];
    for (const data of cases) assert.equal(received(data), lines(data), JSON.stringify(data));
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(':', '\n', '\r', ' ', 'a', 'data', 'event: x'), minLength: 1 }),
        (data) => {
          assert.equal(received(data), lines(data));
        },
      ),
    );
  });

  it('has no type and is not empty', () => {
    assert.equal(isPostable(eventOf('a')), true);
    assert.equal(isPostable(eventOf('a', 'price')), false);
    assert.equal(isPostable(eventOf('')), false);
  });
});

function received(data: string): string {
  const { msg = '' } = parsePeerEvent(encodePeerEvent(eventOf(data))) ?? {};
  const { events } = parseStream(written(msg));
  assert.deepEqual(
    events.map(({ type }) => type),
    ['message'],
  );
  return events[0]?.data ?? '';
}

/** Event streams know one kind of line end. */
function lines(data: string): string {
  return data.replaceAll(/\r\n|\r/g, '\n');
}
