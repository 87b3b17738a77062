import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, watchHandler, type WatchHandlerOptions } from '../../../../src/push/index.js';

describe('options of watchHandler', () => {
  const log = new EventLog();
  for (const wrong of [
    { allowedHosts: 'app.example.com' },
    { stream: '' },
    { stream: [] },
    { stream: 'a\nb' },
    { wildcards: 1 },
    { allowedHosts: [7] },
    { cors: 'https://app.example.com' },
    { cors: ['https://app.example.com'] },
    { cors: { origin: 7 } },
    { cors: { headers: 'X-Tenant' } },
    { kind: '' },
    { apiVersion: 1 },
    { toObject: {} },
    { watchType: 'ADDED' },
    { random: 0.5 },
    { minRequestTimeout: -1 },
    { bookmarkInterval: Number.NaN },
    { maxListBytes: 0 },
    { compression: 'gzip' },
    { keepAlive: 1 },
    { bookmarks: true },
  ]) {
    it(`refuses ${JSON.stringify(wrong)}`, () => {
      const options: object = wrong;
      assert.throws(() => watchHandler(log, options as WatchHandlerOptions), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
  it('takes all there are', () => {
    watchHandler(log, {
      kind: 'Order',
      apiVersion: 'shop.example/v1',
      toObject: () => ({}),
      watchType: () => 'MODIFIED',
      random: () => 0,
      minRequestTimeout: 0,
      bookmarkInterval: Infinity,
      maxListBytes: 1,
      compression: true,
      writeTimeout: 1,
      maxClients: 1,
      maxClientsPerConnection: 1,
      clock: log.clock,
      stream: 'a',
      wildcards: true,
      authorize: () => true,
      cors: true,
      allowedHosts: [],
    });
  });
});
