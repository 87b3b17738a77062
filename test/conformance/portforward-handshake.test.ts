// What portForwardHandler answers before the upgrade: httpstream_test.go's handshake, websocket_test.go's TestV4Options,
// and requests for wires that are not spoken.
import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { portForwardHandler, type PortForwardHandlerOptions } from '../../src/portforward/index.js';
import { listen } from './remotecommand-server.js';

interface Answer {
  readonly code: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly message: string;
}

type Headers = Record<string, string | string[]>;

/** Sends an upgrade request and cuts the connection after the answer. */
async function ask(query: string, headers: Headers, options: PortForwardHandlerOptions = {}): Promise<Answer> {
  await using server = await listen(portForwardHandler(() => new PassThrough(), options));
  return await new Promise((resolve, reject) => {
    const method = headers['Upgrade'] === 'websocket' ? 'GET' : 'POST';
    const req = request(server.url + query, { method, headers: { Connection: 'Upgrade', ...headers }, agent: false });
    req.on('upgrade', (res, socket) => {
      socket.destroy();
      resolve({ code: res.statusCode, headers: res.headers, message: '' });
    });
    req.on('response', (res) => {
      let text = '';
      res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      res.on('end', () => {
        const { message, code } = JSON.parse(text) as { message: string; code: number };
        assert.equal(code, res.statusCode);
        resolve({ code, headers: res.headers, message });
      });
    });
    req.on('error', reject).end();
  });
}

const SPDY = { Upgrade: 'SPDY/3.1' };
const WEBSOCKET = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const TUNNEL = 'SPDY/3.1+portforward.k8s.io';
const CHANNELS = 'v4.channel.k8s.io';

describe('SPDY', () => {
  const cases: readonly [string, Headers, number][] = [
    ['no stream protocol', {}, 400],
    ['only commas', { 'X-Stream-Protocol-Version': ', ,' }, 400],
    ['another stream protocol', { 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' }, 403],
    ['ours in a list', { 'X-Stream-Protocol-Version': 'x, portforward.k8s.io' }, 101],
    ['ours in a second header', { 'X-Stream-Protocol-Version': ['x', 'portforward.k8s.io'] }, 101],
  ];
  for (const [name, headers, code] of cases) {
    it(`${name}: ${code}`, async () => {
      const answer = await ask('', { ...SPDY, ...headers });
      assert.equal(answer.code, code, answer.message);
      if (code === 101) assert.equal(answer.headers['x-stream-protocol-version'], 'portforward.k8s.io');
      if (code === 403) assert.equal(answer.headers['x-accepted-stream-protocol-versions'], 'portforward.k8s.io');
    });
  }
});

describe('TestV4Options', () => {
  const cases: readonly [string, number, RegExp?][] = [
    ['', 400, /"ports" is required/],
    ['?ports=', 400, /cannot be empty/],
    ['?ports=abc', 400, /unable to parse "abc" as a port/],
    ['?ports=-1', 400, /unable to parse "-1" as a port/],
    ['?ports=65536', 400, /unable to parse/],
    ['?ports=0', 400, /must be > 0/],
    ['?ports=80,', 400, /unable to parse ""/],
    ['?ports=80,abc', 400, /unable to parse "abc"/],
    ['?ports=80', 101],
    ['?ports=80&ports=81', 101],
    ['?ports=80,81', 101],
    ['?port=80&port=81,82', 101],
    [`?ports=${Array.from({ length: 127 }, (_, index) => index + 1).join(',')}`, 101],
    [`?ports=${Array.from({ length: 128 }, (_, index) => index + 1).join(',')}`, 400, /at most 127 ports/],
  ];
  for (const [query, code, message] of cases) {
    it(`${query.slice(0, 40) || 'nothing'}: ${code}`, async () => {
      const answer = await ask(query, { ...WEBSOCKET, 'Sec-WebSocket-Protocol': CHANNELS });
      assert.equal(answer.code, code, answer.message);
      if (message !== undefined) assert.match(answer.message, message);
    });
  }

  it('base64: 40 ports and no more', async () => {
    const ports = (count: number): string => `?ports=${Array.from({ length: count }, () => 80).join(',')}`;
    const headers = { ...WEBSOCKET, 'Sec-WebSocket-Protocol': 'v4.base64.channel.k8s.io' };
    assert.equal((await ask(ports(40), headers)).code, 101);
    assert.equal((await ask(ports(41), headers)).code, 400);
  });

  it('a port that is not allowed: 403', async () => {
    const answer = await ask('?ports=80,22', { ...WEBSOCKET, 'Sec-WebSocket-Protocol': CHANNELS }, { ports: [80] });
    assert.equal(answer.code, 403);
    assert.match(answer.message, /port 22 may not be forwarded/);
  });
});

describe('WebSocket subprotocols', () => {
  const cases: readonly [string | undefined, number, string | undefined][] = [
    [TUNNEL, 101, TUNNEL],
    [CHANNELS, 101, CHANNELS],
    [`${CHANNELS}, ${TUNNEL}`, 101, CHANNELS],
    [`${TUNNEL}, ${CHANNELS}`, 101, TUNNEL],
    [`x, ${TUNNEL}`, 101, TUNNEL],
    [undefined, 101, undefined],
    ['v5.channel.k8s.io', 400, undefined],
    ['SPDY/3.1+other.k8s.io', 400, undefined],
  ];
  for (const [offered, code, chosen] of cases) {
    it(`${offered ?? 'none'}: ${chosen ?? code}`, async () => {
      const protocol = offered === undefined ? {} : { 'Sec-WebSocket-Protocol': offered };
      const answer = await ask('?ports=80', { ...WEBSOCKET, ...protocol });
      assert.equal(answer.code, code, answer.message);
      assert.equal(answer.headers['sec-websocket-protocol'], chosen);
    });
  }
});

describe('a wire that is not spoken: 400, with a reason', () => {
  const cases: readonly [string, Headers, PortForwardHandlerOptions, RegExp][] = [
    ['none', { Upgrade: 'h2c' }, {}, /port-forward is not served over "h2c"/],
    ['SPDY turned off', { ...SPDY }, { transports: ['tunnel'] }, /not served over "SPDY\/3.1"/],
    [
      'the tunnel turned off',
      { ...WEBSOCKET, 'Sec-WebSocket-Protocol': TUNNEL },
      { transports: ['spdy', 'websocket'] },
      /none of the WebSocket subprotocols/,
    ],
    [
      'channels turned off',
      { ...WEBSOCKET, 'Sec-WebSocket-Protocol': CHANNELS },
      { transports: ['tunnel'] },
      /none of the WebSocket subprotocols/,
    ],
    ['channels by silence, turned off', WEBSOCKET, { transports: ['tunnel'] }, /none of the WebSocket subprotocols/],
  ];
  for (const [name, headers, options, message] of cases) {
    it(name, async () => {
      const answer = await ask('?ports=80', headers, options);
      assert.equal(answer.code, 400);
      assert.match(answer.message, message);
    });
  }

  it('and 503 once the handler is stopped', async () => {
    const answer = await ask(
      '',
      { ...SPDY, 'X-Stream-Protocol-Version': 'portforward.k8s.io' },
      {
        signal: AbortSignal.abort(),
      },
    );
    assert.equal(answer.code, 503);
  });
});
