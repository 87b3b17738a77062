import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encodeEvent } from '../../../src/sse/index.js';
import { parseStream } from '../../support/event-streams.js';

describe('encodeEvent', () => {
  it('writes all fields, data last', () => {
    assert.equal(
      encodeEvent({ comment: 'c', retry: 5, id: '1', event: 'x', data: 'a' }),
      ': c\nretry: 5\nid: 1\nevent: x\ndata: a\n\n',
    );
  });
  it('one line of data for each line, whatever ends it', () => {
    assert.equal(encodeEvent({ data: 'a\nb\rc\r\nd\n' }), 'data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n');
  });
  it('empty data is an event', () => {
    assert.equal(encodeEvent({ data: '' }), 'data: \n\n');
    assert.equal(parseStream(encodeEvent({ data: '' })).events.length, 1);
  });
  it('an empty id is written, for it resets', () => assert.equal(encodeEvent({ id: '' }), 'id: \n\n'));
  it('message and the empty type are not written', () => {
    assert.equal(encodeEvent({ event: 'message', data: 'a' }), 'data: a\n\n');
    assert.equal(encodeEvent({ event: '', data: 'a' }), 'data: a\n\n');
  });
  it('keeps a first space', () => {
    assert.equal(parseStream(encodeEvent({ data: '  a', event: ' x' })).events[0]?.data, '  a');
    assert.equal(parseStream(encodeEvent({ data: '  a', event: ' x' })).events[0]?.type, ' x');
  });
  it('a comment or a retry alone is no event', () => {
    assert.deepEqual(parseStream(encodeEvent({ comment: 'a\n\nb' })), {
      events: [],
      retries: [],
      comments: [' a', ' ', ' b'],
      lastEventId: '',
    });
    assert.deepEqual(parseStream(encodeEvent({ retry: 0 })).retries, [0]);
  });
  it('an event with nothing in it is refused', () => {
    assert.throws(() => encodeEvent({}), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => encodeEvent({ event: 'x' }), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
