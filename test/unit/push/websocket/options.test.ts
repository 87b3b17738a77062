import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import { webSocketHandler, type WebSocketHandlerOptions } from '../../../../src/push/websocket/index.js';

describe('webSocketHandler', () => {
  it('refuses options that do not exist or are out of range', () => {
    const wrong: object[] = [
      { allowedOrigin: ['https://a.example'] },
      { allowedOrigins: 'https://a.example' },
      { allowedHosts: 'a.example' },
      { authorize: {} },
      { stream: '' },
      { stream: [] },
      { stream: 7 },
      { wildcards: 'yes' },
      { start: 'end' },
      { whenOvertaken: 'forget' },
      { keepAlive: -1 },
      { writeTimeout: 0 },
      { maxClients: 0 },
      { maxMessageBytes: 1.5 },
      { messageBurst: Number.POSITIVE_INFINITY },
    ];
    for (const options of wrong) {
      assert.throws(
        () => webSocketHandler(new EventLog(), options as WebSocketHandlerOptions),
        InvalidArgumentError,
        JSON.stringify(options),
      );
    }
    const handler = webSocketHandler(new EventLog(), { keepAlive: 0, allowedOrigins: 'any', start: 'start' });
    assert.equal(handler.clients, 0);
    handler.close();
  });
});
