import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sendUpgrade } from '../../../src/carrier/http-upgrade.js';
import { DEFAULT_LIMITS } from '../../../src/limits/limits.js';
import { duplexPair } from '../../../src/testing/index.js';

test('a connection that fails before the answer says why, on one line', async () => {
  const [left, right] = duplexPair();
  right.once('data', () => left.destroy(new Error('certificate required\n')));
  const sent = sendUpgrade(
    { url: 'http://h/', dialer: async () => left },
    { upgrade: 'SPDY/3.1', limits: DEFAULT_LIMITS },
  );
  await assert.rejects(sent, {
    code: 'ERR_CONNECTION_LOST',
    message: 'http://h/ closed the connection before it answered: certificate required',
  });
  right.destroy();
});
