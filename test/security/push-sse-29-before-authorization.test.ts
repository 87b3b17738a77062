import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { describe, it } from 'node:test';
import { silentLogger } from '../../src/logger/logger.js';
import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler, type SSEHandlerOptions } from '../../src/push/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { closed, answerTo, eventually, listen, openStream, servePush } from '../support/push-sse.js';

// Row 29: who is not authorized costs an answer: nothing is followed, compressed, timed or kept for it.

const COSTLY = { 'Accept-Encoding': 'gzip', 'Last-Event-ID': '9'.repeat(10_000) };

describe('29: before authorize has said yes', () => {
  it('nothing is followed and no timer runs, also while it thinks', async () => {
    const clock = new VirtualClock();
    let decide: (yes: boolean) => void = () => {};
    const authorize = async (): Promise<boolean> => await new Promise((resolve) => (decide = resolve));
    await using push = await servePush({ clock, authorize });
    const answer = answerTo(`${push.url}/?stream=a`, { headers: COSTLY });
    let asked = false;
    push.server.once('request', () => (asked = true));
    await eventually(() => asked);
    push.log.publish('a', '1');
    assert.equal(push.handler.clients, 0);
    assert.deepEqual(push.log.subscribers(), []);
    assert.equal(clock.pending, 0);
    decide(false);
    assert.equal((await answer).status, 403);
    assert.deepEqual(push.log.stats().ended, {});
    assert.equal(clock.pending, 0);
  });

  it('not even the cursor is looked at', async () => {
    await using push = await servePush({ authorize: () => false });
    const { status, body } = await answerTo(`${push.url}/?stream=a`, { headers: COSTLY });
    assert.equal(status, 403);
    assert.equal(body, '{"error":"Forbidden","code":"ERR_FORBIDDEN"}');
  });

  it('a peer is sent and costs less than 16 KiB, and a head beyond that is not read', async () => {
    let asked = 0;
    const authorize = (): boolean => {
      asked += 1;
      return false;
    };
    await using push = await servePush({ authorize });
    const send = async (header: string): Promise<string> => {
      const socket = createConnection(push.port, '127.0.0.1');
      socket.on('error', () => {});
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      socket.write(`GET /?stream=a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: ${header}\r\n\r\n`);
      await closed(socket);
      return text;
    };
    const answer = await send('x'.repeat(15_000));
    assert.match(answer, /^HTTP\/1\.1 403 /);
    assert.ok(answer.length < 1_000);
    await send('x'.repeat(17_000));
    assert.equal(asked, 1);
  });

  it('1,000 of them leave nothing behind, and an honest one is served', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock, authorize: (req) => req.headers.authorization === 'Bearer good' });
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => answerTo(`${push.url}/?stream=a`, { headers: COSTLY })),
      );
      assert.ok(answers.every(({ status }) => status === 403));
    }
    assert.deepEqual(push.log.stats().ended, {});
    assert.equal(clock.pending, 0);
    const honest = await openStream(`${push.url}/?stream=a`, { headers: { Authorization: 'Bearer good' } });
    push.log.publish('a', '1');
    await honest.until(({ events }) => events.length === 1);
  });
});

describe('29: authorize', () => {
  it('is asked before follow, with the streams as they were named', async () => {
    const log = new EventLog();
    const calls: string[] = [];
    const handler = sseHandler(
      {
        clock: log.clock,
        follow: (options) => {
          calls.push('follow');
          return log.follow(options);
        },
      },
      {
        wildcards: true,
        authorize: (_req, streams) => {
          calls.push(`authorize ${streams.join()}`);
          return true;
        },
      },
    );
    await using server = await listen(handler);
    const client = await openStream(`http://127.0.0.1:${server.port}/?stream=b&stream=a*`);
    assert.deepEqual(calls, ['authorize a*,b', 'follow']);
    client.leave();
    log.close();
  });

  for (const [what, authorize, status, body] of [
    ['false', () => false, 403, '{"error":"Forbidden","code":"ERR_FORBIDDEN"}'],
    ['a rejection', async () => await Promise.reject(new Error('secret')), 500, undefined],
    ['an exception', () => assert.fail('secret'), 500, undefined],
    ['nothing', () => undefined as never, 500, undefined],
    ['a user, by mistake', () => ({ name: 'x' }) as never, 500, undefined],
    ['a status that is none', () => ({ status: 42 }), 500, undefined],
    ['a refusal', () => ({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'who?' }), 401, 'who?'],
    ['204, on purpose: the client must not come back', () => ({ status: 204 }), 204, ''],
  ] as const satisfies readonly (readonly [string, SSEHandlerOptions['authorize'], number, string | undefined])[]) {
    it(`that gives ${what}: ${status}, and nothing is told`, async () => {
      const logged: object[] = [];
      const logger = { ...silentLogger, error: (fields: object): void => void logged.push(fields) };
      await using push = await servePush({ authorize, logger });
      const answer = await answerTo(`${push.url}/?stream=a`);
      assert.equal(answer.status, status);
      assert.doesNotMatch(answer.body, /secret/);
      if (body !== undefined) assert.equal(answer.body, body);
      else assert.equal(answer.body, '{"error":"internal error","code":"ERR_INTERNAL"}');
      assert.equal(logged.length, status === 500 ? 1 : 0);
      assert.deepEqual(push.log.stats().ended, {});
    });
  }

  it('can name the client, for the list of subscribers', async () => {
    await using named = await servePush({ authorize: () => ({ peer: 'ada' }) });
    await openStream(`${named.url}/?stream=a`);
    assert.equal(named.log.subscribers()[0]?.peer, 'ada');
    await using unnamed = await servePush();
    await openStream(`${unnamed.url}/?stream=a`);
    assert.equal(unnamed.log.subscribers()[0]?.peer, '127.0.0.1');
  });
});
