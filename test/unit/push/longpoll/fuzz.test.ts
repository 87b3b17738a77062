import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { keyOf, keyOfPath } from '../../../../src/push/longpoll/key.js';
import { parseKeyRequest } from '../../../../src/push/longpoll/request.js';

const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 40 });

describe('any request for a key', () => {
  it('is taken or refused, and what is taken is in range', () => {
    const value = fc.oneof(fc.string({ unit: 'binary' }), fc.bigInt().map(String), fc.constantFrom('true', '0', ''));
    const parameter = fc.tuple(
      fc.constantFrom('wait', 'waitIndex', 'recursive', 'stream', 'cursor', 'run', 'x'),
      value,
    );
    fc.assert(
      fc.property(fc.webPath(), fc.array(parameter), fc.constantFrom('GET', 'HEAD'), (path, parameters, method) => {
        const req = new IncomingMessage(new Socket());
        const query = new URLSearchParams(parameters).toString();
        Object.assign(req, { url: `/v2/keys${path}?${query}`, method, headers: {} });
        const request = parseKeyRequest(req, '/v2/keys');
        if ('status' in request) {
          assert.ok(request.status >= 400 && request.body.message !== undefined);
          return;
        }
        assert.ok(Number.isSafeInteger(request.waitIndex) && request.waitIndex >= 0);
        assert.ok(request.key.startsWith('/') && !request.key.includes('//') && !request.key.includes('*'));
        assert.ok(request.streams.length > 0);
        assert.ok(!(request.wait && method === 'HEAD'));
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  it('finds the stream that its key was made of', () => {
    const segment = name.filter((text) => text !== '.' && text !== '..' && !text.includes('/'));
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const stream = segments.join('/');
        const path = segments.map(encodeURIComponent).join('/');
        assert.equal(keyOfPath(`/p/${path}`, '/p')?.key, keyOf(stream));
      }),
      { seed: 4, numRuns: 300 },
    );
  });

  it('never follows a pattern that was not asked for by recursive', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => {
        const req = new IncomingMessage(new Socket());
        Object.assign(req, { url: `/v2/keys${path}?wait=true`, method: 'GET', headers: {} });
        const request = parseKeyRequest(req, '/v2/keys');
        if ('status' in request) return;
        assert.deepEqual(request.streams, [request.key.slice(1)]);
        assert.ok(!request.key.includes('*'));
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});
