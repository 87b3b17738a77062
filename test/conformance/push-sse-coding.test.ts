// Compressed event streams: the same compressed blocks for everybody, whenever they came.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createBrotliDecompress, createGunzip, gunzipSync } from 'node:zlib';
import { EventStreamParser, type ParsedEvent } from '../../src/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { parseStream } from '../support/event-streams.js';
import { ask, eventually, openStream, servePush, StreamClient } from '../support/push-sse.js';

const GZIP = { 'Accept-Encoding': 'gzip, deflate, br' };
const text = (n: number): string => `{"n":${n},"text":"${'and so on '.repeat(30)}…\u{1F600}"}`;

describe('gzip', () => {
  it('is sent to who asks, and only then', async () => {
    await using push = await servePush();
    const zipped = await openStream(`${push.url}/?stream=a`, { headers: GZIP, decoder: createGunzip() });
    const plain = await openStream(`${push.url}/?stream=a`);
    assert.equal(zipped.response.headers['content-encoding'], 'gzip');
    assert.equal(zipped.response.headers.vary, 'Accept-Encoding');
    assert.equal(plain.response.headers['content-encoding'], undefined);
    push.log.publish('a', text(1));
    await Promise.all([zipped, plain].map((client) => client.until(({ events }) => events.length === 1)));
    assert.deepEqual(zipped.events, plain.events);
  });

  it('can be switched off', async () => {
    await using push = await servePush({ compression: false });
    const { response } = await openStream(`${push.url}/?stream=a`, { headers: GZIP });
    assert.equal(response.headers['content-encoding'], undefined);
    assert.equal(response.headers.vary, undefined);
  });

  it('is read by clients that come late, resume and are silent for long, and ends as gzip does', async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock, start: 'start' });
    const clients: StreamClient[] = [];
    const raw: Buffer[][] = [];
    const COUNT = 30;
    let cursor = '';
    for (let n = 1; n <= COUNT; n++) {
      push.log.publish('a', text(n));
      if (n === 5) cursor = push.log.cursor('a');
      if (n % 5 === 0) {
        const resumed = n > 5 && n % 2 === 1 ? `&cursor=${cursor}` : '';
        const response = await ask(`${push.url}/?stream=a${resumed}`, { headers: GZIP });
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        raw.push(chunks);
        clients.push(new StreamClient(response, createGunzip()));
      }
      const last = text(n);
      await Promise.all(clients.map((client) => client.until(({ data }) => data.at(-1) === last)));
      if (n === 20) clock.advance(15_000);
    }
    push.log.close();
    await Promise.all(clients.map((client) => client.finished()));
    for (const [i, client] of clients.entries()) {
      const first = Number((JSON.parse(client.data[0] ?? '') as { n: number }).n);
      assert.ok(first === 1 || first === 6, `client ${i} began with ${first}`);
      assert.deepEqual(
        client.data,
        Array.from({ length: COUNT - first + 1 }, (_, k) => text(first + k)),
      );
      // Checks the CRC and the length in the trailer.
      const whole = gunzipSync(Buffer.concat(raw[i] ?? []));
      assert.deepEqual(parseStream(whole).events.length, client.events.length);
    }
    assert.ok((clients[0]?.comments.length ?? 0) >= 1);
  });

  it('ends in order for a client that was sent nothing but its position', async () => {
    await using push = await servePush();
    const response = await ask(`${push.url}/?stream=a`, { headers: GZIP });
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    await eventually(() => push.log.subscribers().length === 1);
    const expected = `id: ${push.log.cursor('a')}\n\n`;
    push.log.close();
    await eventually(() => response.complete);
    assert.equal(gunzipSync(Buffer.concat(chunks)).toString(), expected);
  });

  it('makes alike events small, though each batch is compressed by itself', async () => {
    await using push = await servePush({ start: 'start' });
    for (let n = 1; n <= 100; n++) push.log.publish('a', text(n));
    const response = await ask(`${push.url}/?stream=a`, { headers: GZIP });
    let bytes = 0;
    response.on('data', (chunk: Buffer) => (bytes += chunk.length));
    const client = new StreamClient(response, createGunzip());
    await client.until(({ events }) => events.length === 100);
    assert.ok(bytes < client.text.length / 10, `${bytes} of ${client.text.length} bytes`);
  });

  it('works on HTTP/1.0', async () => {
    await using push = await servePush({ start: 'start' }, {}, (handler) => (req, res) => {
      // What Node does for a request of HTTP/1.0.
      res.useChunkedEncodingByDefault = false;
      res.shouldKeepAlive = false;
      handler(req, res);
    });
    push.log.publish('a', text(1));
    const client = await openStream(`${push.url}/?stream=a`, { headers: GZIP, decoder: createGunzip() });
    assert.equal(client.response.headers['transfer-encoding'], undefined);
    await client.until(({ events }) => events.length === 1);
    push.log.close();
    await client.finished();
    assert.deepEqual(client.data, [text(1)]);
  });
});

describe('brotli', () => {
  const BR = { 'Accept-Encoding': 'br' };

  it('is sent to who takes no gzip; each event comes at once, and the end is an end', async () => {
    await using push = await servePush();
    const client = await openStream(`${push.url}/?stream=a`, { headers: BR, decoder: createBrotliDecompress() });
    assert.equal(client.response.headers['content-encoding'], 'br');
    for (let n = 1; n <= 5; n++) {
      push.log.publish('a', text(n));
      await client.until(({ events }) => events.length === n);
    }
    push.log.close();
    await client.finished();
    assert.ok(client.response.complete);
    assert.deepEqual(client.data, [1, 2, 3, 4, 5].map(text));
  });

  it('keeps to the pace of the client', async () => {
    await using push = await servePush({ start: 'start' });
    const COUNT = 900;
    // Hardly to be compressed.
    const noise = (n: number): string =>
      `${n} ${Array.from({ length: 400 }, (_, i) => ((n * 7919 + i * 104_729) % 65_521).toString(36)).join('')}`;
    for (let n = 1; n <= COUNT; n++) push.log.publish('a', noise(n));
    const response = await ask(`${push.url}/?stream=a`, { headers: BR });
    const events: ParsedEvent[] = [];
    const parser = new EventStreamParser({ event: (event) => events.push(event) });
    for await (const chunk of response.pipe(createBrotliDecompress())) {
      parser.feed(chunk as Buffer);
      if (events.length === COUNT) break;
    }
    assert.deepEqual(
      events.map(({ data }) => data),
      Array.from({ length: COUNT }, (_, i) => noise(i + 1)),
    );
  });

  it('is offered to so many only: each costs a compressor', async () => {
    await using push = await servePush();
    const codings: unknown[] = [];
    for (let n = 0; n < 260; n++) {
      const response = await ask(`${push.url}/?stream=a`, { headers: BR });
      response.resume();
      codings.push(response.headers['content-encoding']);
    }
    assert.equal(codings.filter((coding) => coding === 'br').length, 256);
    assert.deepEqual(codings.slice(256), Array(4).fill(undefined));
  });
});
