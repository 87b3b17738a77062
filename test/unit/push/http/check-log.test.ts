import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  grpcWatchService,
  longPollHandler,
  otelMetrics,
  promMetrics,
  sseHandler,
  watchHandler,
  webSocketHandler,
} from '../../../../src/push/index.js';

describe('what is given in place of a log', () => {
  const takers: Readonly<Record<string, (log: never, second: never) => unknown>> = {
    sseHandler,
    longPollHandler,
    watchHandler,
    webSocketHandler,
    grpcWatchService,
    promMetrics,
    otelMetrics,
  };
  for (const [name, take] of Object.entries(takers)) {
    it(`is refused by ${name}`, () => {
      for (const wrong of [undefined, null, 'log', {}, { stream: 'a' }, { follow: true, clock: {} }]) {
        assert.throws(() => take(wrong as never, {} as never), {
          code: 'ERR_INVALID_ARGUMENT',
          message: new RegExp(`^${name} needs an EventLog first`),
        });
      }
    });
  }
});
