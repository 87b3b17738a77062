import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { headerOf } from '../../../../src/push/http/headers.js';
import { queryOf, requestedCursor, requestedStreams } from '../../../../src/push/http/request.js';

function request(url: string, ...rawHeaders: string[]): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.url = url;
  req.rawHeaders = rawHeaders;
  return req;
}

describe('queryOf', () => {
  it('reads what is behind the first question mark, of any form of target', () => {
    assert.equal(queryOf(request('/a?stream=x?y')).get('stream'), 'x?y');
    assert.equal(queryOf(request('?stream=x')).get('stream'), 'x');
    assert.equal(queryOf(request('http://host/a?stream=x')).get('stream'), 'x');
    assert.equal(queryOf(request('//a?stream=%C3%B6+b')).get('stream'), 'ö b');
    assert.equal(queryOf(request('/a')).get('stream'), null);
    const bare = request('');
    delete bare.url;
    assert.equal([...queryOf(bare)].length, 0);
  });
});

describe('requestedStreams', () => {
  it('takes the query parameters, each once, in one order', () => {
    assert.deepEqual(requestedStreams(request('/?stream=b&x=1&stream=a&stream=b')), ['a', 'b']);
  });

  it('takes what the option says, and ignores the query', () => {
    const req = request('/?stream=q');
    assert.deepEqual(requestedStreams(req, 'one'), ['one']);
    assert.deepEqual(requestedStreams(req, ['two', 'one*']), ['one*', 'two']);
    assert.deepEqual(
      requestedStreams(req, ({ url }) => [`of ${url}`]),
      ['of /?stream=q'],
    );
  });

  it('refuses none, and names that cannot be', () => {
    const refused = { code: 'ERR_BAD_REQUEST' };
    assert.throws(() => requestedStreams(request('/')), refused);
    assert.throws(() => requestedStreams(request('/?stream=')), refused);
    assert.throws(() => requestedStreams(request('/?stream=%00')), refused);
    assert.throws(() => requestedStreams(request('/?stream=a'), []), refused);
    assert.throws(() => requestedStreams(request('/?stream=a'), () => undefined), refused);
    assert.throws(() => requestedStreams(request('/?stream=a*b')), refused);
    assert.throws(() => requestedStreams(request('/'), () => 7 as never), refused);
    assert.throws(() => requestedStreams(request('/?streams=a')), /\?stream=NAME/);
    assert.deepEqual(requestedStreams(request('/?stream=a*b'), undefined, { wildcards: true }), ['a*b']);
  });

  it('lets through what the function throws', () => {
    const failure = new Error('database');
    const option = (): string => {
      throw failure;
    };
    assert.throws(() => requestedStreams(request('/'), option), failure);
  });
});

describe('requestedCursor', () => {
  it('reads the header as the UTF-8 that it is on the wire', () => {
    const wire = Buffer.from('…é').toString('latin1');
    assert.equal(requestedCursor(request('/', 'last-EVENT-id', wire)), '…é');
  });

  it('prefers the header, then cursor, then lastEventId, and passes over empty ones', () => {
    assert.equal(requestedCursor(request('/?lastEventId=l&cursor=c', 'Last-Event-ID', 'h')), 'h');
    assert.equal(requestedCursor(request('/?lastEventId=l&cursor=c', 'Last-Event-ID', '')), 'c');
    assert.equal(requestedCursor(request('/?lastEventId=l&cursor=')), 'l');
    assert.equal(requestedCursor(request('/?lastEventId=')), undefined);
    assert.equal(requestedCursor(request('/')), undefined);
  });

  it('does not choose among two headers', () => {
    assert.equal(requestedCursor(request('/', 'Last-Event-ID', 'a', 'Last-Event-ID', 'b')), 'a, b');
  });
});

describe('headerOf', () => {
  it('finds names whatever their case, and never values', () => {
    const req = request('/', 'X', 'accept', 'ACCEPT', 'text/html');
    assert.equal(headerOf(req, 'accept'), 'text/html');
    assert.equal(headerOf(req, 'host'), undefined);
  });

  it('makes do with requests that have parsed headers only', () => {
    const made = { headers: { accept: 'a', 'last-event-id': ['b', 'c'] } };
    const req = Object.assign(request('/'), made, { rawHeaders: undefined });
    assert.equal(headerOf(req, 'accept'), 'a');
    assert.equal(headerOf(req, 'last-event-id'), 'b, c');
  });
});
