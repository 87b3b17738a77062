import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readClientMessage } from '../../../../src/push/websocket/messages.js';

describe('messages of WebSocket clients', () => {
  it('are read with what they leave out', () => {
    const read = (value: object): unknown => readClientMessage(JSON.stringify(value));
    const nothing = { id: undefined, cursor: undefined, credit: undefined };
    assert.deepEqual(read({ type: 'subscribe', streams: ['a', 'b'] }), {
      type: 'subscribe',
      ...nothing,
      streams: ['a', 'b'],
    });
    assert.deepEqual(read({ type: 'subscribe', stream: 'a' }), { type: 'subscribe', ...nothing, streams: ['a'] });
    assert.deepEqual(read({ type: 'subscribe', id: 'x', streams: 'a', cursor: 'c', credit: 0, more: 1 }), {
      type: 'subscribe',
      id: 'x',
      streams: ['a'],
      cursor: 'c',
      credit: 0,
    });
    assert.deepEqual(read({ type: 'subscribe', streams: [], cursor: '' }), {
      type: 'subscribe',
      ...nothing,
      streams: [],
    });
    assert.deepEqual(read({ type: 'subscribe', id: null, stream: null, streams: 'a', cursor: null, credit: null }), {
      type: 'subscribe',
      ...nothing,
      streams: ['a'],
    });
    assert.deepEqual(read({ type: 'unsubscribe', id: 'x' }), { type: 'unsubscribe', id: 'x' });
    assert.deepEqual(read({ type: 'credit', items: 5 }), { type: 'credit', id: undefined, items: 5 });
  });

  it('that are wrong are told what is wrong', () => {
    const wrong: [string, RegExp][] = [
      ['', /must be JSON$/],
      ['{"type"', /must be JSON$/],
      ['null', /object/],
      ['[]', /object/],
      ['1', /object/],
      ['{}', /type must be/],
      ['{"type":"publish"}', /type must be/],
      ['{"type":"subscribe"}', /streams/],
      ['{"type":"subscribe","streams":{}}', /streams/],
      ['{"type":"subscribe","streams":["a",1]}', /streams/],
      ['{"type":"subscribe","stream":"a","cursor":5}', /cursor/],
      ['{"type":"subscribe","stream":"a","credit":-1}', /credit/],
      ['{"type":"subscribe","stream":"a","credit":1.5}', /credit/],
      ['{"type":"subscribe","stream":"a","id":""}', /id/],
      [`{"type":"subscribe","stream":"a","id":"${'x'.repeat(65)}"}`, /id/],
      ['{"type":"subscribe","stream":"a","id":7}', /id/],
      ['{"type":"credit"}', /items/],
      ['{"type":"credit","items":0}', /items/],
      ['{"type":"credit","items":1e300}', /items/],
    ];
    for (const [text, problem] of wrong) {
      const read = readClientMessage(text);
      assert.ok('problem' in read, text);
      assert.match(read.problem, problem, text);
    }
  });
});
