import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { forgetForeignId } from '../../../../src/mesh/sser/foreign-id.js';
import { requestedCursor } from '../../../../src/push/http/request.js';

function requestWith(...fields: readonly string[]): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  req.url = '/events?stream=a';
  req.rawHeaders = [...fields];
  return req;
}

describe('an id of the Go package', () => {
  for (const id of ['0', '57', '99999999']) {
    it(`${id} is forgotten`, () => {
      const req = requestWith('Host', 'a', 'Last-Event-ID', id, 'Accept', '*/*');
      forgetForeignId(req);
      assert.equal(requestedCursor(req), undefined);
      assert.deepEqual(req.rawHeaders, ['Host', 'a', 'Accept', '*/*']);
    });
  }

  for (const id of ['123456789', 'abcdefgh1', '12345678a.abcdefgh1', '5x', '-1', ' 1', '']) {
    it(`is none: ${JSON.stringify(id)}`, () => {
      const req = requestWith('last-event-id', id);
      forgetForeignId(req);
      assert.deepEqual(req.rawHeaders, ['last-event-id', id]);
    });
  }
});
