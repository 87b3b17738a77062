// A proxy that stops at any step of opening a tunnel: what it does then, and what is reported.
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { TLSSocket } from 'node:tls';
import type { UpgradeRequest } from '../../src/index.js';
import { SpdyRoundTripper } from '../../src/spdy/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { dialChannels } from '../../src/websocket/index.js';
import { SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { headerLength, readUntil, startProxy, type TestProxy } from '../support/proxies.js';
import { WIRES, type Wire } from './proxy-support.js';

/** Bytes to wait for, or a header, or bytes to send. */
type Act = number | 'header' | Buffer;

interface Step {
  readonly name: string;
  readonly proxy: 'http' | 'https' | 'socks5';
  readonly server: 'http' | 'https';
  /** Whether the proxy itself speaks TLS. */
  readonly tls?: boolean;
  readonly acts: readonly Act[];
  /** The tunnel stands: what follows is between us and the server. */
  readonly open?: boolean;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const OK = Buffer.from('HTTP/1.1 200 OK\r\n\r\n');
const METHOD = hex('0502');
const ACCEPTED = hex('0100');
const REPLY = hex('05000001000000000000');
const GREETING = 4;
const PASSWORD = 3 + 'user'.length + 'hunter2'.length;
const REQUEST = 4 + 1 + 'server.test'.length + 2;
const HELLO = 5;

const STEPS: readonly Step[] = [
  { name: 'the TLS handshake with the proxy', proxy: 'https', server: 'http', acts: [HELLO] },
  { name: 'the CONNECT request', proxy: 'http', server: 'http', acts: ['header'] },
  { name: 'the CONNECT request over TLS', proxy: 'https', server: 'http', tls: true, acts: ['header'] },
  { name: 'half an answer', proxy: 'http', server: 'http', acts: ['header', Buffer.from('HTTP/1.1 200 O')] },
  {
    name: 'an interim answer',
    proxy: 'http',
    server: 'http',
    acts: ['header', Buffer.from('HTTP/1.1 100 Go\r\n\r\n')],
  },
  {
    name: 'the TLS handshake with the server',
    proxy: 'http',
    server: 'https',
    acts: ['header', OK, HELLO],
    open: true,
  },
  { name: 'the same over TLS', proxy: 'https', server: 'https', tls: true, acts: ['header', OK, HELLO], open: true },
  { name: 'the upgrade request', proxy: 'http', server: 'http', acts: ['header', OK, 'header'], open: true },
  { name: 'the SOCKS greeting', proxy: 'socks5', server: 'http', acts: [GREETING] },
  { name: 'half a method', proxy: 'socks5', server: 'http', acts: [GREETING, hex('05')] },
  { name: 'the SOCKS password', proxy: 'socks5', server: 'http', acts: [GREETING, METHOD, PASSWORD] },
  { name: 'the SOCKS request', proxy: 'socks5', server: 'http', acts: [GREETING, METHOD, PASSWORD, ACCEPTED, REQUEST] },
  {
    name: 'half a SOCKS reply',
    proxy: 'socks5',
    server: 'http',
    acts: [GREETING, METHOD, PASSWORD, ACCEPTED, REQUEST, REPLY.subarray(0, 9)],
  },
  {
    name: 'the upgrade request over SOCKS',
    proxy: 'socks5',
    server: 'http',
    acts: [GREETING, METHOD, PASSWORD, ACCEPTED, REQUEST, REPLY, 'header'],
    open: true,
  },
];

/** A proxy that goes as far as the step says; `reached` gives its socket then. */
async function stopAt(t: TestContext, step: Step): Promise<{ proxy: TestProxy; reached: Promise<Duplex> }> {
  let reach: (socket: Duplex) => void;
  const reached = new Promise<Duplex>((resolve) => {
    reach = resolve;
  });
  const onSocket = (socket: Duplex): void => {
    const perform = (index: number): void => {
      const act = step.acts[index];
      if (act === undefined) {
        socket.resume();
        reach(socket);
      } else if (typeof act === 'number' || act === 'header') {
        const length = act === 'header' ? headerLength : (): number => act;
        readUntil(socket, length, () => perform(index + 1));
      } else {
        socket.write(act, () => perform(index + 1));
      }
    };
    perform(0);
  };
  const proxy = await startProxy(t, onSocket, step.tls === true ? { cert: SERVER_CERT, key: SERVER_KEY } : undefined);
  return { proxy, reached };
}

function dial(wire: Wire, request: UpgradeRequest, clock: VirtualClock): Promise<unknown> {
  if (wire === 'spdy') return new SpdyRoundTripper({ clock }).dial(request);
  return dialChannels(request, { protocols: ['v5.channel.k8s.io'], channels: ['duplex'], clock });
}

const reason = new Error('enough');

/** What happens at the step, and the error there is then: before the tunnel stands, and after. */
const EVENTS: readonly {
  readonly name: string;
  readonly happen: (socket: Duplex, controller: AbortController, clock: VirtualClock) => void;
  readonly before: object;
  readonly after: object;
}[] = [
  {
    name: 'the caller aborts',
    happen: (_socket, controller) => controller.abort(reason),
    before: reason,
    after: reason,
  },
  {
    name: 'nothing comes',
    happen: (_socket, _controller, clock) => clock.advance(10_000),
    before: { code: 'ERR_TIMEOUT', milliseconds: 10_000, message: /^the proxy .* opened no tunnel within 10000 ms$/ },
    after: { code: 'ERR_TIMEOUT', milliseconds: 10_000, message: /^no answer from https?:\/\/server\.test\// },
  },
  {
    name: 'the proxy ends the connection',
    happen: (socket) => void socket.end(),
    before: { code: 'ERR_PROXY' },
    after: { code: 'ERR_CONNECTION_LOST' },
  },
  {
    name: 'the proxy resets the connection',
    happen: (socket) => reset(socket),
    before: { code: 'ERR_PROXY' },
    after: { code: 'ERR_CONNECTION_LOST' },
  },
];

function reset(socket: Duplex): void {
  // Node resets no TLS connection; this one ends without the farewell of TLS.
  if (socket instanceof Socket && !(socket instanceof TLSSocket)) socket.resetAndDestroy();
  else socket.destroy();
}

for (const wire of WIRES) {
  describe(`a tunnel for ${wire}`, () => {
    for (const step of STEPS) {
      for (const { name, happen, before, after } of EVENTS) {
        it(`${step.name}: ${name}`, async (t) => {
          const { proxy, reached } = await stopAt(t, step);
          const controller = new AbortController();
          const clock = new VirtualClock();
          const request: UpgradeRequest = {
            url: `${step.server}://server.test/path?command=hunter2`,
            proxy: `${step.proxy}://user:hunter2@127.0.0.1:${proxy.port}`,
            tls: { rejectUnauthorized: false },
            proxyTls: { rejectUnauthorized: false },
            signal: controller.signal,
          };
          const dialling = dial(wire, request, clock);
          const failed = assert.rejects(dialling, step.open === true ? after : before);
          happen(await reached, controller, clock);
          await failed;
          await dialling.catch((error: Error) =>
            assert.doesNotMatch(`${error.message}${error.stack}`, /hunter2|user:/),
          );
          await proxy.idle();
          assert.equal(clock.pending, 0);
          assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
        });
      }
    }
  });
}
