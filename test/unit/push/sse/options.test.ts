import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog } from '../../../../src/push/log/event-log.js';
import { sseHandler, type SSEHandlerOptions } from '../../../../src/push/sse/index.js';
import { VirtualClock } from '../../../../src/testing/index.js';
import { openStream, servePush } from '../../../support/push-sse.js';

describe('options of sseHandler', () => {
  const refused: Readonly<Record<string, object>> = {
    'a misspelt name': { autorize: () => false },
    'a hook that is none': { authorize: true },
    'streams of the wrong type': { stream: 7 },
    'a stream without a name': { stream: '' },
    'no streams': { stream: [] },
    'a stream that can be none': { stream: ['a', 'b\n'] },
    'patterns by number': { wildcards: 1 },
    'a host that is no list': { allowedHosts: 'app.example.com' },
    'a pattern of origins': { cors: { origin: /x/ } },
    'origins where options belong': { cors: ['https://app.example.com'] },
    'an unknown start': { start: 'end' },
    'an unknown policy': { whenOvertaken: 'wait' },
    'a negative time': { keepAlive: -1 },
    'a time that is text': { writeTimeout: '10s' },
    'a time that is no number': { writeTimeout: Number.NaN },
    'a reconnection time with a fraction': { retry: 1.5 },
    'a reconnection time below 0': { retry: -1 },
    'an encode hook that is none': { encode: 'json' },
    'compression by name': { compression: 'gzip' },
    'no clients at all': { maxClients: 0 },
    'no streams on a connection': { maxClientsPerConnection: 0.5 },
  };
  for (const [what, options] of Object.entries(refused)) {
    it(`${what}: refused`, () => {
      assert.throws(() => sseHandler(new EventLog(), options as SSEHandlerOptions), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }

  it('the clock of the log, unless told otherwise', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({}, { clock });
    const client = await openStream(`${push.url}/?stream=a`);
    clock.advance(15_000);
    await client.until(({ comments }) => comments.length === 1);
  });

  it('times without end are none', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock, keepAlive: Infinity, writeTimeout: Infinity });
    await openStream(`${push.url}/?stream=a`);
    assert.equal(clock.pending, 0);
  });

  it('drop: a client that the history overtakes is ended, and counted', async () => {
    await using push = await servePush({ whenOvertaken: 'drop' }, { history: { events: 5 } });
    const client = await openStream(`${push.url}/?stream=a`);
    // In one tick more than 16 times what the history holds.
    for (let n = 0; n < 100; n++) push.log.publish('a', String(n));
    await client.finished();
    assert.ok(client.response.complete);
    assert.deepEqual(client.events, []);
    assert.deepEqual(push.log.stats().ended, { sse: { overtaken: 1 } });
  });

  it('gap: it is told, and goes on', async () => {
    await using push = await servePush({}, { history: { events: 5 } });
    const client = await openStream(`${push.url}/?stream=a`);
    for (let n = 0; n < 100; n++) push.log.publish('a', String(n));
    await client.until(({ events }) => events.length === 81);
    assert.equal(client.events[0]?.type, 'gap');
    assert.deepEqual([client.data.at(1), client.data.at(-1)], ['20', '99']);
  });

  it('the number of clients can be read, not written', async () => {
    await using push = await servePush();
    assert.equal(push.handler.clients, 0);
    await openStream(`${push.url}/?stream=a`);
    assert.equal(push.handler.clients, 1);
    assert.throws(() => Object.assign(push.handler, { clients: 9 }), TypeError);
  });
});
