// Engines inside WebSockets through nginx and HAProxy, as Debian packages them, configured as reverse proxies.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CloseReason, Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import {
  WebSocketResponseUpgrader,
  WebSocketRoundTripper,
  type EngineSubprotocol,
  type WebSocketRoundTripperOptions,
  type WebSocketUpgraderOptions,
} from '../../src/websocket/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { digestOf, patternSha256, patternStream } from './support/pattern.js';
import { PROXIES, type ReverseProxy } from './support/reverse-proxies.js';

const ENGINES: readonly EngineSubprotocol[] = ['yamux-headers.v1', 'spdy.3.1'];
const NAMES = ['nginx', 'HAProxy'] as const;
const PROXY_TIMEOUT = 3;
const IDLE = 2 * PROXY_TIMEOUT * 1000;
const STREAMS = 100;
const BYTES = 256 * 1024;

const echo: NewStreamHandler = (stream) => void stream.pipe(stream);

/** Both ends of an engine behind a proxy. */
interface Ends {
  readonly client: Connection;
  readonly server: Connection;
}

for (const name of NAMES) {
  describe(`through ${name}`, () => {
    let server: Server;
    let proxy: ReverseProxy;
    let settings: WebSocketUpgraderOptions = {};
    const accepted: Connection[] = [];

    before(async () => {
      server = createServer();
      server.on('upgrade', (req, socket, head) => {
        const upgrader = new WebSocketResponseUpgrader({ pingPeriod: 0, ...settings });
        const connection = upgrader.upgradeResponse(req, socket, head, echo);
        if (connection !== undefined) accepted.push(connection);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      proxy = await PROXIES[name]({ backend: (server.address() as AddressInfo).port, timeout: PROXY_TIMEOUT });
    });

    after(async () => {
      await Promise.all(accepted.map(async (connection) => await connection.close()));
      await proxy.stop();
      server.close();
    });

    /** One connection; the server's end has `serverSettings`. */
    const dial = async (
      engine: EngineSubprotocol,
      clientSettings: WebSocketRoundTripperOptions = {},
      serverSettings: WebSocketUpgraderOptions = {},
    ): Promise<Ends> => {
      settings = serverSettings;
      const count = accepted.length;
      const tripper = new WebSocketRoundTripper({
        protocols: [engine],
        newStreamHandler: echo,
        pingPeriod: 0,
        ...clientSettings,
      });
      const { connection } = await tripper.dial({ url: `http://127.0.0.1:${proxy.port}/streams` });
      const far = accepted[count];
      assert.ok(far !== undefined);
      return { client: connection, server: far };
    };

    for (const engine of ENGINES) {
      it(`${engine}: ${STREAMS} streams at once come back byte for byte, opened from both ends`, async () => {
        const { client, server: far } = await dial(engine);
        const expected = { bytes: BYTES, sha256: patternSha256(BYTES) };
        const transfers = Array.from({ length: STREAMS }, async (_, i) => {
          const stream = await (i % 4 === 0 ? far : client).createStream({});
          patternStream(BYTES).pipe(stream);
          assert.deepEqual(await digestOf(stream), expected);
        });
        await Promise.all(transfers);
        await client.close();
        const reason = await far.closed;
        assert.ok(reason.kind === 'going-away' || reason.kind === 'ended', reason.kind);
      });
    }

    it(`silence longer than its timeout kills a connection without keepalive: both ends are told`, async () => {
      await Promise.all(
        ENGINES.map(async (engine) => {
          const { client, server: far } = await dialInTurn(() => dial(engine));
          const stream = await client.createStream({});
          const reasons: CloseReason[] = await Promise.all([client.closed, far.closed]);
          for (const { initiator, kind } of reasons) {
            assert.ok(kind === 'lost' || kind === 'ended', kind);
            assert.equal(initiator, 'remote');
          }
          await assert.rejects(digestOf(stream), { code: 'ERR_CONNECTION_LOST' });
        }),
      );
    });

    it('keepalive of either end carries connections over it', async () => {
      const pings = { pingPeriod: 500 };
      await Promise.all(
        ENGINES.flatMap((engine) =>
          [() => dial(engine, pings), () => dial(engine, {}, pings)].map(async (make) => {
            const { client, server: far } = await dialInTurn(make);
            const stream = await client.createStream({});
            await sleep(IDLE);
            patternStream(BYTES).pipe(stream);
            assert.deepEqual(await digestOf(stream), { bytes: BYTES, sha256: patternSha256(BYTES) });
            await client.close();
            await far.closed;
          }),
        ),
      );
    });

    it('refusals come through with status and message', async () => {
      settings = { verify: () => ({ code: 401, message: 'who are you?' }) };
      const { body, statusCode } = await new WebSocketRoundTripper().roundTrip({
        url: `http://127.0.0.1:${proxy.port}/`,
      });
      assert.equal(statusCode, 401);
      assert.match(body.toString(), /who are you/);
    });

    it('a page of the host that the proxy serves may connect, another may not', async () => {
      settings = { allowedHosts: [] };
      const url = `http://127.0.0.1:${proxy.port}/`;
      const tripper = new WebSocketRoundTripper();
      const own = await tripper.roundTrip({ url, headers: { Origin: `http://127.0.0.1:${proxy.port}` } });
      assert.equal(own.statusCode, 101);
      own.socket?.destroy();
      const foreign = await tripper.roundTrip({ url, headers: { Origin: 'http://evil.example' } });
      assert.equal(foreign.statusCode, 403);
    });

    it('with TLS at the proxy, keepalive included', async () => {
      const backend = (server.address() as AddressInfo).port;
      const tls = { cert: SERVER_CERT, key: SERVER_KEY };
      const secure = await PROXIES[name]({ backend, timeout: PROXY_TIMEOUT, tls });
      try {
        settings = {};
        const tripper = new WebSocketRoundTripper({ pingPeriod: 500 });
        const { connection } = await tripper.dial({
          url: `wss://localhost:${secure.port}/`,
          tls: { ca: CA },
          headers: { Origin: `https://localhost:${secure.port}` },
        });
        await sleep(IDLE);
        const stream = await connection.createStream({});
        patternStream(BYTES).pipe(stream);
        assert.deepEqual(await digestOf(stream), { bytes: BYTES, sha256: patternSha256(BYTES) });
        await connection.close();
      } finally {
        await secure.stop();
      }
    });
  });
}

let turn: Promise<unknown> = Promise.resolve();

/** One dial after the other: the settings of the server's end are those of the last one. */
async function dialInTurn(make: () => Promise<Ends>): Promise<Ends> {
  const mine = turn.then(make);
  turn = mine.catch(() => {});
  return await mine;
}
