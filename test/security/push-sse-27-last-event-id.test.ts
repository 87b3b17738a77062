import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { VirtualClock } from '../../src/testing/index.js';
import { closed, answerTo, openStream, servePush } from '../support/push-sse.js';

// Row 27: Last-Event-ID of a year ago, of the future, of a MiB, and forged.

const YEAR = 365 * 24 * 3_600_000;

describe('27: Last-Event-ID', () => {
  it('of a year ago: the gap is told, and the client goes on', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ keepAlive: 0, writeTimeout: 0 }, { clock });
    push.log.publish('a', 'last year');
    const cursor = push.log.cursor('a');
    push.log.publish('a', 'last year too');
    clock.advance(YEAR);
    push.log.publish('a', 'this year');
    const client = await openStream(`${push.url}/?stream=a`, { headers: { 'Last-Event-ID': cursor } });
    push.log.publish('a', 'now');
    await client.until(({ data }) => data.at(-1) === 'now');
    assert.deepEqual(
      client.events.map(({ type }) => type),
      ['gap', 'message', 'message'],
    );
    assert.deepEqual(client.data.slice(1), ['this year', 'now']);
  });

  it('of another run: the gap is told, and the client goes on', async () => {
    await using other = await servePush();
    for (let n = 0; n < 10; n++) other.log.publish('a', String(n));
    await using push = await servePush();
    const headers = { 'Last-Event-ID': other.log.cursor('a') };
    const client = await openStream(`${push.url}/?stream=a`, { headers });
    push.log.publish('a', 'now');
    await client.until(({ data }) => data.at(-1) === 'now');
    assert.equal(client.events[0]?.type, 'gap');
  });

  it('of the future of this run: 400', async () => {
    await using ahead = await servePush({}, { origin: 'samerun0' });
    for (let n = 0; n < 10; n++) ahead.log.publish('a', String(n));
    await using push = await servePush({}, { origin: 'samerun0' });
    const { status, body } = await answerTo(`${push.url}/?stream=a`, {
      headers: { 'Last-Event-ID': ahead.log.cursor('a') },
    });
    assert.equal(status, 400);
    assert.match(body, /ERR_INVALID_CURSOR/);
    assert.deepEqual(push.log.subscribers(), []);
  });

  it('of a MiB: refused before it is read, in a header or in the query', async () => {
    await using push = await servePush();
    for (const request of [
      `GET /?stream=a HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: ${'9'.repeat(2 ** 20)}\r\n\r\n`,
      `GET /?stream=a&cursor=${'9'.repeat(2 ** 20)} HTTP/1.1\r\nHost: localhost\r\n\r\n`,
    ]) {
      const socket = createConnection(push.port, '127.0.0.1');
      socket.on('error', () => {});
      let text = '';
      socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
      socket.write(request);
      await closed(socket);
      // The answer may be lost when the rest of the request meets a closed socket.
      if (text !== '') assert.match(text, /^HTTP\/1\.1 (431|400) /);
    }
    assert.deepEqual(push.log.stats().ended, {});
  });

  it('of what a head may hold at most: 400', async () => {
    await using push = await servePush();
    for (const id of ['9'.repeat(15_000), 'a1'.repeat(7_000), '-'.repeat(15_000)]) {
      const { status, body } = await answerTo(`${push.url}/?stream=a`, { headers: { 'Last-Event-ID': id } });
      assert.equal(status, 400);
      assert.ok(body.length < 1_000, 'the cursor comes back');
    }
    assert.deepEqual(push.log.subscribers(), []);
  });

  it('twice: 400', async () => {
    await using push = await servePush();
    const cursor = push.log.cursor('a');
    const { status } = await answerTo(`${push.url}/?stream=a`, {
      headers: { 'Last-Event-ID': `${cursor}, ${cursor}` },
    });
    assert.equal(status, 400);
  });

  it('of any bytes: 400, or a stream that goes on', async () => {
    await using push = await servePush();
    push.log.publish('a', '1');
    const header = fc
      .uint8Array({ minLength: 1, maxLength: 40 })
      .map((bytes) =>
        Buffer.from(bytes.map((byte) => (byte === 127 || (byte < 32 && byte !== 9) ? 33 : byte))).toString('latin1'),
      );
    await fc.assert(
      fc.asyncProperty(header, async (id) => {
        const { status } = await answerTo(`${push.url}/?stream=a`, {
          method: 'HEAD',
          headers: { 'Last-Event-ID': id },
        });
        assert.ok(status === 200 || status === 400, `${status}`);
        const get = await openStream(`${push.url}/?stream=a`, { headers: { 'Last-Event-ID': id } }).catch(
          ({ message }: Error) => message,
        );
        if (typeof get === 'string') assert.equal(get, 'refused with 400');
        else get.leave();
      }),
      { numRuns: 50 },
    );
  });
});
