// Row 24: cross-site WebSocket hijacking and DNS rebinding.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WebSocketRoundTripper, type OriginOptions } from '../../src/websocket/index.js';
import { GOOD_LINES, engineServer, request } from './websocket-engine-support.js';

interface Case {
  readonly name: string;
  readonly options?: OriginOptions;
  readonly host: string;
  readonly origins?: readonly string[];
  readonly status: 101 | 403;
}

const APP = 'https://app.example.com';
const CASES: readonly Case[] = [
  { name: 'no Origin: no browser', host: 'api.example.com', status: 101 },
  { name: 'the page of the server itself', host: '127.0.0.1:8080', origins: ['http://127.0.0.1:8080'], status: 101 },
  { name: 'the same behind TLS', host: '127.0.0.1:443', origins: ['https://127.0.0.1'], status: 101 },
  { name: 'localhost', host: 'localhost:3000', origins: ['http://localhost:3000'], status: 101 },
  { name: 'an IPv6 address', host: '[::1]:3000', origins: ['http://[::1]:3000'], status: 101 },
  { name: 'a foreign page', host: '127.0.0.1:8080', origins: ['https://evil.example'], status: 403 },
  { name: 'another port', host: '127.0.0.1:8080', origins: ['http://127.0.0.1:8081'], status: 403 },
  { name: 'a name that ends alike', host: 'example.com', origins: ['https://notexample.com'], status: 403 },
  { name: 'a subdomain', host: 'localhost', origins: ['http://a.localhost'], status: 403 },
  { name: 'the name as user', host: '127.0.0.1', origins: ['http://127.0.0.1@evil.example'], status: 403 },
  { name: 'null: a sandbox or a file', host: '127.0.0.1', origins: ['null'], status: 403 },
  { name: 'an empty Origin', host: '127.0.0.1', origins: [''], status: 403 },
  { name: 'no URL', host: '127.0.0.1', origins: ['127.0.0.1'], status: 403 },
  { name: 'an extension', host: '127.0.0.1', origins: ['chrome-extension://abcdef'], status: 403 },
  { name: 'a good and a bad Origin', host: '127.0.0.1', origins: ['http://127.0.0.1', APP], status: 403 },
  {
    name: 'a foreign page that is allowed',
    host: '127.0.0.1',
    origins: [APP],
    options: { allowedOrigins: [APP] },
    status: 101,
  },
  {
    name: 'one that is not among those allowed',
    host: '127.0.0.1',
    origins: ['http://app.example.com'],
    options: { allowedOrigins: [APP] },
    status: 403,
  },
  {
    name: 'any, where that was said',
    host: '127.0.0.1',
    origins: ['null'],
    options: { allowedOrigins: 'any' },
    status: 101,
  },
  // The name of a stranger that he lets point to 127.0.0.1: Origin and Host agree.
  { name: 'a rebound name', host: 'evil.example:8080', origins: ['http://evil.example:8080'], status: 403 },
  {
    name: 'a rebound name like an address',
    host: '127.0.0.1.evil.example',
    origins: ['http://127.0.0.1.evil.example'],
    status: 403,
  },
  {
    name: 'a rebound name like localhost',
    host: 'localhost.evil.example',
    origins: ['http://localhost.evil.example'],
    status: 403,
  },
  {
    name: 'a name that is ours',
    host: 'api.example.com',
    origins: ['https://api.example.com'],
    options: { allowedHosts: ['api.example.com'] },
    status: 101,
  },
  {
    name: 'a name that is not ours, without an Origin',
    host: 'evil.example',
    options: { allowedHosts: ['api.example.com'] },
    status: 403,
  },
  {
    name: 'a rebound name where any Origin is good',
    host: 'evil.example',
    origins: ['http://evil.example'],
    options: { allowedHosts: ['api.example.com'], allowedOrigins: 'any' },
    status: 403,
  },
  {
    name: 'our name in another case and with a port',
    host: 'API.example.com.:8443',
    origins: ['https://api.example.com.:8443'],
    options: { allowedHosts: ['api.example.com'] },
    status: 101,
  },
];

describe('who may open an engine from a browser', () => {
  for (const { host, name, options = {}, origins = [], status } of CASES) {
    it(`${name}: ${status}`, async (t) => {
      const { port } = await engineServer(t, options);
      const lines = GOOD_LINES.map((line) => (line.startsWith('Host:') ? `Host: ${host}` : line));
      const { answer } = await request(t, port, [...lines, ...origins.map((origin) => `Origin: ${origin}`)]);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
    });
  }

  it('the check comes before the one of the application', async (t) => {
    let asked = 0;
    const { url } = await engineServer(t, {
      verify: () => {
        asked += 1;
        return undefined;
      },
    });
    const tripper = new WebSocketRoundTripper();
    const foreign = await tripper.roundTrip({ url, headers: { Origin: 'https://evil.example' } });
    assert.equal(foreign.statusCode, 403);
    assert.equal(asked, 0);
    await (await tripper.dial({ url })).connection.close();
    assert.equal(asked, 1);
  });
});
