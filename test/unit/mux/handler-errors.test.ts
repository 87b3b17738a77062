import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../../src/spdy/index.js';
import { duplexPair } from '../../../src/testing/index.js';

test('what a handler throws or rejects with is told to onHandlerError, and nothing it throws ends the connection', async () => {
  const [left, right] = duplexPair();
  const told: unknown[] = [];
  let streams = 0;
  const server = newSpdyServerConnection(
    right,
    (stream) => {
      const error = new Error(stream.headers.get('name'));
      if (stream.headers.get('name') === 'thrown') throw error;
      return Promise.reject(error);
    },
    {
      onHandlerError: (error, stream) => {
        told.push((error as Error).message);
        if (stream.headers.get('name') === (error as Error).message) streams++;
        throw new Error('a failing observer');
      },
    },
  );
  const client = newSpdyClientConnection(left);
  await assert.rejects(client.createStream({ name: 'thrown' }), { code: 'ERR_STREAM_RESET' });
  const rejected = client.openStream({ name: 'rejected' });
  await new Promise((resolve) => rejected.once('close', resolve));
  assert.deepEqual(told, ['thrown', 'rejected']);
  assert.equal(streams, 2);
  await client.ping();
  await client.close();
  await server.closed;
});
