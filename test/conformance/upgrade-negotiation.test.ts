import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import {
  anyResponseUpgrader,
  dialFirst,
  handshake,
  HEADER_PROTOCOL_VERSION,
  UpgradeFailureError,
  type Connection,
  type IncomingStream,
  type ResponseUpgrader,
  type UpgradeRoundTripper,
} from '../../src/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { WebSocketResponseUpgrader, WebSocketRoundTripper } from '../../src/websocket/index.js';
import { YamuxResponseUpgrader, YamuxRoundTripper } from '../../src/yamux/index.js';

// One server offers every engine on one path; the client takes the best that works.

const OFFERED = anyResponseUpgrader(
  new YamuxResponseUpgrader(),
  new SpdyResponseUpgrader(),
  new WebSocketResponseUpgrader(),
);

function echo(stream: IncomingStream): void {
  stream.pipe(stream);
}

class Host {
  readonly #server: Server = createServer((_req, res) => res.writeHead(426).end());
  readonly #sockets = new Set<Duplex>();
  readonly #upgrader: ResponseUpgrader;
  /** `Upgrade` field of each request, in order. */
  readonly seen: string[] = [];

  /** @param block answers 502 instead of upgrading, as a proxy in the way would. */
  constructor(upgrader: ResponseUpgrader, block: (req: IncomingMessage) => boolean = () => false) {
    this.#upgrader = upgrader;
    this.#server.on('upgrade', (req, socket, head) => {
      this.#sockets.add(socket);
      this.seen.push(req.headers.upgrade ?? '');
      if (block(req)) {
        socket.on('error', () => {});
        socket.end('HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      const wanted = req.headersDistinct[HEADER_PROTOCOL_VERSION.toLowerCase()];
      const headers = wanted === undefined ? {} : { [HEADER_PROTOCOL_VERSION]: handshake(req, ['chat.v2', 'chat.v1']) };
      this.#upgrader.upgradeResponse(req, socket, head, echo, headers);
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/streams`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, 'close');
  }
}

async function roundTrip(connection: Connection, text: string): Promise<string> {
  const stream = await connection.createStream({ name: 'ada' });
  stream.end(text);
  let got = '';
  for await (const chunk of stream) got += String(chunk);
  return got;
}

const ENGINES: readonly (readonly [string, UpgradeRoundTripper, string])[] = [
  ['yamux with headers', new YamuxRoundTripper(), 'yamux-headers/1'],
  ['SPDY', new SpdyRoundTripper(), 'SPDY/3.1'],
  ['yamux in a WebSocket', new WebSocketRoundTripper({ protocols: ['yamux-headers.v1'] }), 'websocket'],
  ['SPDY in a WebSocket', new WebSocketRoundTripper({ protocols: ['spdy.3.1'] }), 'websocket'],
];

describe('one server, every engine', () => {
  const host = new Host(OFFERED);
  let url = '';
  before(async () => (url = await host.start()));
  after(async () => await host.stop());

  for (const [name, roundTripper, token] of ENGINES) {
    it(`${name}, with a protocol of the application`, async () => {
      const { connection, protocol } = await roundTripper.dial({ url, protocols: ['chat.v3', 'chat.v2'] });
      assert.equal(protocol, 'chat.v2');
      assert.equal(host.seen.at(-1), token);
      assert.equal(await roundTrip(connection, name), name);
      await connection.close();
    });
  }

  it('plain yamux, without headers', async () => {
    const { connection } = await new YamuxRoundTripper({ headers: false }).dial({ url });
    assert.equal(host.seen.at(-1), 'yamux');
    await assert.rejects(connection.createStream({ name: 'ada' }), { code: 'ERR_INVALID_ARGUMENT' });
    const stream = await connection.createStream({});
    stream.end('plain');
    assert.equal(String((await stream.toArray())[0]), 'plain');
    await connection.close();
  });

  it('a token that nobody offers gets 400 that names it', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write('GET /streams HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /Upgrade: h2c/);
  });

  for (const token of ['yamux-headers/1', 'SPDY/3.1']) {
    it(`${token} with a body gets 400, and the body is not taken for frames`, async () => {
      const socket: Socket = connect(Number(new URL(url).port), '127.0.0.1');
      const body = 'GET /hidden HTTP/1.1\r\n\r\n';
      socket.write(
        `POST /streams HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: ${token}\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      );
      const answer = Buffer.concat((await socket.toArray()) as Buffer[]).toString();
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(answer, /must not have a body/);
      assert.equal(answer.split('HTTP/1.1').length, 2);
    });
  }
});

describe('dialFirst', () => {
  const roundTrippers = ENGINES.map(([, roundTripper]) => roundTripper);

  it('takes the most preferred that works', async () => {
    const host = new Host(OFFERED);
    const { connection } = await dialFirst(roundTrippers, { url: await host.start() });
    assert.deepEqual(host.seen, ['yamux-headers/1']);
    await connection.close();
    await host.stop();
  });

  it('asks for the next where something in the way refuses one', async () => {
    const host = new Host(OFFERED, (req) => req.headers.upgrade !== 'websocket');
    const { connection } = await dialFirst(roundTrippers, { url: await host.start() });
    assert.deepEqual(host.seen, ['yamux-headers/1', 'SPDY/3.1', 'websocket']);
    assert.equal(await roundTrip(connection, 'through'), 'through');
    await connection.close();
    await host.stop();
  });

  it('says what each of them was told when all are refused', async () => {
    const host = new Host(OFFERED, () => true);
    const url = await host.start();
    await assert.rejects(dialFirst(roundTrippers, { url }), (error: unknown) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.equal(error.statusCode, 502);
      assert.ok(error.cause instanceof AggregateError);
      assert.equal(error.cause.errors.length, ENGINES.length);
      return true;
    });
    await host.stop();
  });

  it('does not ask a server that is not there again and again', async () => {
    const host = new Host(OFFERED);
    const url = await host.start();
    await host.stop();
    await assert.rejects(dialFirst(roundTrippers, { url }), { code: 'ERR_CONNECTION_LOST' });
    assert.deepEqual(host.seen, []);
  });

  it('stops when its signal aborts, and refuses to do without round trippers', async () => {
    const reason = new Error('changed my mind');
    const url = 'http://127.0.0.1:1/';
    await assert.rejects(dialFirst(roundTrippers, { url, signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(dialFirst([], { url }), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => anyResponseUpgrader(), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
