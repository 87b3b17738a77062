import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { AccessRequest, PodServer } from '../../src/serve/index.js';
import { WatchClient } from '../support/grpc-watch.js';
import { askPod, startPods } from '../support/serve-pods.js';

// Row 29: whoever may not do a thing costs an answer and nothing more.

const TOKEN = 'a-token-of-some-length';

describe('29: requests without the right to them', () => {
  it('are refused without a look at their body', async () => {
    await using pods = await startPods(1, { publishTokens: [TOKEN] });
    const [pod] = pods.pods as [PodServer];
    for (const authorization of ['', `Authorization: Bearer ${TOKEN}x\r\n`]) {
      const socket = createConnection(pod.port, '127.0.0.1');
      await once(socket, 'connect');
      const head = 'POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n';
      socket.write(`${head}${authorization}Expect: 100-continue\r\n\r\n`);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      // Before any byte of it: nobody was asked to go on.
      assert.match(answer.toString(), /^HTTP\/1\.1 401 .*\r\n[\s\S]*WWW-Authenticate: Bearer/);
      socket.destroy();
    }
    assert.deepEqual(pod.log.streams(), []);
  });

  it('are refused before their query is read', async () => {
    await using pods = await startPods(1, { publishTokens: [TOKEN] });
    const [pod] = pods.pods as [PodServer];
    const { status } = await askPod(`${pod.url}/publish?nonsense=${'x'.repeat(5_000)}`, { body: 'x' });
    assert.equal(status, 401);
  });

  it('need a token for each thing but following, and probes and metrics', async () => {
    await using pods = await startPods(1, { publishTokens: [TOKEN] });
    const [pod] = pods.pods as [PodServer];
    const headers = { Authorization: `Bearer ${TOKEN}` };
    for (const path of [
      '/streams',
      '/status',
      '/events?stream=*',
      '/events?stream=a*&watch=true',
      '/v2/keys/?recursive=true',
    ]) {
      const { status, text } = await askPod(`${pod.url}${path}`);
      assert.equal(status, 401, path);
      assert.ok(!text.includes(TOKEN));
    }
    for (const path of ['/streams', '/status', '/events?stream=*&watch=false', '/v2/keys/?recursive=true']) {
      assert.equal((await askPod(`${pod.url}${path}`, { headers })).status, 200, path);
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/', '/events?stream=a&watch=false']) {
      assert.equal((await askPod(`${pod.url}${path}`)).status, 200, path);
    }
  });

  it('hold for WebSockets, whose subscriptions are asked about one by one', async () => {
    await using pods = await startPods(1, { publishTokens: [TOKEN] });
    const [pod] = pods.pods as [PodServer];
    const url = `${pod.url.replace('http', 'ws')}/events`;
    const refused = new WebSocket(`${url}?stream=*`);
    const [error] = (await once(refused, 'error')) as [Error];
    assert.match(error.message, /401/);
    const socket = new WebSocket(url);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'subscribe', id: '1', streams: ['a*'] }));
    const [answer] = (await once(socket, 'message')) as [Buffer];
    assert.equal((JSON.parse(answer.toString()) as { type: string }).type, 'error');
    socket.send(JSON.stringify({ type: 'subscribe', id: '2', streams: ['a'] }));
    const [second] = (await once(socket, 'message')) as [Buffer];
    assert.equal((JSON.parse(second.toString()) as { type: string }).type, 'subscribed');
    socket.terminate();
  });

  it('hold for gRPC, whose metadata may have the token', async () => {
    await using pods = await startPods(1, { publishTokens: [TOKEN], grpcPort: 0 });
    const [pod] = pods.pods as [PodServer];
    using client = new WatchClient(`127.0.0.1:${pod.grpcPort}`);
    const refused = client.watch();
    refused.create({ streams: ['*'] });
    assert.equal((await refused.ended)?.code, 16);
    const call = client.watch({ authorization: `Bearer ${TOKEN}` });
    call.create({ streams: ['*'] });
    assert.equal((await call.responses.next()).created, true);
    call.call.cancel();
    await call.ended;
  });

  it('are asked about by the hook with what they are for, over each transport', async () => {
    const seen: string[] = [];
    const authorize = ({ action, streams, header, remoteAddress, request }: AccessRequest) => {
      seen.push(`${action} ${streams.join()} ${header('x-user')} ${remoteAddress} ${request?.method}`);
      return header('x-user') === 'ann' && !streams.includes('secret');
    };
    await using pods = await startPods(1, { authorize, grpcPort: 0 });
    const [pod] = pods.pods as [PodServer];
    const headers = { 'X-User': 'ann' };
    assert.equal((await askPod(`${pod.url}/publish?stream=a`, { body: 'x', headers })).status, 200);
    assert.equal((await askPod(`${pod.url}/publish?stream=secret`, { body: 'x', headers })).status, 403);
    assert.equal((await askPod(`${pod.url}/publish?stream=a`, { body: 'x' })).status, 403);
    assert.equal((await askPod(`${pod.url}/streams`, { headers })).status, 200);
    assert.equal((await askPod(`${pod.url}/events?stream=secret`, { headers })).status, 403);
    using client = new WatchClient(`127.0.0.1:${pod.grpcPort}`);
    const call = client.watch({ 'x-user': 'ann' });
    call.create({ streams: ['secret'] });
    assert.equal((await call.responses.next()).canceled, true);
    call.call.cancel();
    await call.ended;
    assert.deepEqual(seen, [
      'publish a ann 127.0.0.1 POST',
      'publish secret ann 127.0.0.1 POST',
      'publish a undefined 127.0.0.1 POST',
      'inspect  ann 127.0.0.1 GET',
      'follow secret ann 127.0.0.1 GET',
      'follow secret ann 127.0.0.1 undefined',
    ]);
  });

  it('cannot publish to other streams by a batch than the hook was asked for', async () => {
    const authorize = ({ streams }: AccessRequest) => streams.length > 0 && streams.every((name) => name === 'mine');
    await using pods = await startPods(1, { authorize });
    const [pod] = pods.pods as [PodServer];
    const publish = (query: string, body: string) =>
      askPod(`${pod.url}/publish?${query}`, { body, headers: { 'Content-Type': 'application/x-ndjson' } });
    assert.equal((await publish('stream=mine', '{"data":1}\n{"data":2,"stream":"mine"}')).status, 200);
    assert.equal((await publish('stream=mine', '{"data":1}\n{"data":2,"stream":"other"}')).status, 403);
    assert.equal((await publish('', '{"data":1,"stream":"other"}')).status, 403);
    assert.deepEqual(pod.log.streams(), ['mine']);
    assert.equal(pod.log.history('mine').length, 2);
  });
});
