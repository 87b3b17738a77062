import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import {
  APIServer,
  RequestInfoResolver,
  attributesOf,
  type Attributes,
  type Decision,
} from '../../src/apiserver/index.js';
import { UpgradeAwareProxy, streamTranslator, streamTunnel, type Refusal } from '../../src/proxy/index.js';
import { exec } from '../../src/remotecommand/index.js';
import { FakeRuntime } from '../unit/apiserver/support.js';
import { parseResponse, rawBackend, rawClient, serve, settle, statusMessage, upgradeText } from '../support/proxy.js';
import type { IncomingMessage } from 'node:http';

// Row 21: a WebSocket is a GET, so that `get` was enough to run commands in a pod (Kubernetes #78741, #134577). What a path
// does is decided by its subresource.

const POD = '/api/v1/namespaces/default/pods/a';
const WEB_SOCKET = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};
const REQUESTS: Readonly<Record<string, string>> = {
  'exec over SPDY, by POST': upgradeText(
    { 'Content-Length': '0', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' },
    `POST ${POD}/exec?command=id&stdout=true HTTP/1.1`,
  ),
  'exec over SPDY, by GET': upgradeText(
    { 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' },
    `GET ${POD}/exec?command=id&stdout=true HTTP/1.1`,
  ),
  'exec over WebSocket': upgradeText(
    { ...WEB_SOCKET, 'Sec-WebSocket-Protocol': 'v5.channel.k8s.io' },
    `GET ${POD}/exec?command=id&stdout=true HTTP/1.1`,
  ),
  'attach over an old WebSocket': upgradeText(
    { ...WEB_SOCKET, 'Sec-WebSocket-Protocol': 'v4.channel.k8s.io' },
    `GET ${POD}/attach?stdout=true HTTP/1.1`,
  ),
  'port-forward over SPDY': upgradeText(
    { 'Content-Length': '0', 'X-Stream-Protocol-Version': 'portforward.k8s.io' },
    `POST ${POD}/portforward HTTP/1.1`,
  ),
  'port-forward through the tunnel': upgradeText(
    { ...WEB_SOCKET, 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io' },
    `GET ${POD}/portforward HTTP/1.1`,
  ),
  'port-forward over WebSocket channels': upgradeText(
    { ...WEB_SOCKET, 'Sec-WebSocket-Protocol': 'v4.channel.k8s.io' },
    `GET ${POD}/portforward?ports=80 HTTP/1.1`,
  ),
};

/** May read everything, and nothing else. */
const getOnly = ({ verb }: Attributes): Decision => ['get', 'list', 'watch'].includes(verb);

describe('a subject that may only get', () => {
  async function server(t: TestContext): Promise<number> {
    const api = await new APIServer({ runtime: new FakeRuntime(), authorize: getOnly }).listen();
    t.after(() => api.close());
    return Number(new URL(api.url).port);
  }

  for (const [name, request] of Object.entries(REQUESTS)) {
    it(`${name}: 403 from the API server`, async (t) => {
      const client = await rawClient(t, await server(t), request.replace('proxy.test', 'localhost'));
      const answer = await client.closed;
      assert.equal(parseResponse(answer).code, 403);
      assert.match(statusMessage(answer), /cannot create resource "pods\/(?:exec|attach|portforward)"/);
    });
  }

  /** As the documentation has it: the attributes of the API server, asked by the proxy. */
  const authorize = (req: IncomingMessage): Refusal | undefined => {
    const info = new RequestInfoResolver().resolve(req);
    const attributes = attributesOf(info, { name: 'reader', groups: [] });
    return getOnly(attributes) === true ? undefined : { code: 403, message: `cannot ${attributes.verb}` };
  };

  for (const [name, request] of Object.entries(REQUESTS)) {
    it(`${name}: 403 from every proxy, and the backend is not dialled`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => socket.end());
      const options = { target: backend.url, useRequestLocation: true, authorize };
      const handlers = [new UpgradeAwareProxy(options).handleUpgrade, streamTranslator(options), streamTunnel(options)];
      for (const handleUpgrade of handlers) {
        const proxy = await serve(t, { handleUpgrade });
        const client = await rawClient(t, proxy.port, request);
        const answer = await client.closed;
        assert.equal(parseResponse(answer).code, 403);
        assert.equal(statusMessage(answer), 'cannot create');
      }
      await settle();
      assert.equal(backend.connections.length, 0);
    });
  }

  it('may get a pod through the proxy, and one that may create may exec', async (t) => {
    const api = await new APIServer({ runtime: new FakeRuntime() }).listen();
    t.after(() => api.close());
    const options = { target: api.url, useRequestLocation: true, useLocationHost: true };
    const reader = await serve(t, new UpgradeAwareProxy({ ...options, authorize }));
    const client = await rawClient(t, reader.port, `GET ${POD} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
    assert.equal(parseResponse(await client.closed).code, 200);
    const writer = await serve(t, new UpgradeAwareProxy(options));
    for (const transport of ['websocket', 'spdy'] as const) {
      const { exitCode } = await exec(`${writer.url}${POD}/exec`, { command: ['id'], transport });
      assert.equal(exitCode, 7);
    }
  });
});
