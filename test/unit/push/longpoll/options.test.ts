import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, longPollHandler, type LongPollOptions } from '../../../../src/push/index.js';

describe('options of longPollHandler', () => {
  const log = new EventLog();
  for (const wrong of [
    { allowedHosts: 'app.example.com' },
    { allowedHosts: [7] },
    { cors: 'https://app.example.com' },
    { cors: ['https://app.example.com'] },
    { cors: { origin: 7 } },
    { cors: { headers: 'X-Tenant' } },
    { prefix: 'v2' },
    { prefix: '/v2/' },
    { prefix: '/v2?x' },
    { timeout: -1 },
    { timeout: Number.NaN },
    { timeout: '1' },
    { ahead: 'maybe' },
    { maxAnswerBytes: 0 },
    { maxAnswerBytes: 1.5 },
    { action: 'set' },
    { writeTimeout: -1 },
    { maxClients: 0 },
    { authorize: true },
    { authorise: () => true },
    { stream: 'a' },
  ]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      assert.throws(() => longPollHandler(log, wrong as LongPollOptions), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
  it('takes all there are', () => {
    longPollHandler(log, {
      prefix: '',
      timeout: Infinity,
      ahead: 'wait',
      maxAnswerBytes: 1,
      action: () => 'set',
      writeTimeout: 0,
      maxClients: 1,
      maxClientsPerConnection: 1,
      clock: log.clock,
      authorize: () => true,
      cors: { origin: 'https://a.example' },
      allowedHosts: ['a.example'],
    });
  });
});
