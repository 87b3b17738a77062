import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { portForward, type PortForwardTransport } from '../../../src/portforward/index.js';
import { until } from '../../conformance/remotecommand-server.js';
import { FakeRuntime, send, testPod, withServer } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';
const TRANSPORTS: readonly PortForwardTransport[] = ['tunnel', 'spdy', 'websocket'];

/** The headers of a request for each wire. */
const WIRES: Readonly<Record<PortForwardTransport, { method: string; headers: Record<string, string> }>> = {
  spdy: {
    method: 'POST',
    headers: { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'portforward.k8s.io' },
  },
  tunnel: { method: 'GET', headers: webSocket('SPDY/3.1+portforward.k8s.io') },
  websocket: { method: 'GET', headers: webSocket('v4.channel.k8s.io') },
};

function webSocket(protocol: string): Record<string, string> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': protocol,
  };
}

describe('pods/portforward', () => {
  for (const transport of TRANSPORTS) {
    it(`forwards over ${transport}`, async () => {
      await withServer({}, async (server) => {
        const errors: string[] = [];
        await using forward = await portForward({ server: server.url, pod: 'a' }, [':80', ':1'], {
          transport,
          addresses: '127.0.0.1',
          onConnectionError: (error) => errors.push(error.message),
        });
        const socket = connect(forward.ports[0]?.localPort ?? 0, '127.0.0.1');
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
        socket.write('hello');
        await until(() => text === 'port 80\nhello');
        const refused = connect(forward.ports[1]?.localPort ?? 0, '127.0.0.1');
        refused.on('error', () => {});
        await new Promise((resolve) => refused.once('close', resolve));
        await until(() => errors.length === 1);
        assert.deepEqual(errors, ['error forwarding port 1: connection refused']);
        socket.destroy();
      });
    });
  }

  it('is answered before the upgrade where it cannot be', async () => {
    const runtime = new FakeRuntime();
    runtime.pods.put(testPod('pending', {}, 'Pending'));
    await withServer(
      {},
      async ({ url }) => {
        for (const { method, headers } of Object.values(WIRES)) {
          const ask = async (pod: string): Promise<[number, string]> => {
            const { code, text } = await send(`${url}${PODS}/${pod}/portforward?ports=80`, { method, headers });
            return [code, (JSON.parse(text) as { message: string }).message];
          };
          assert.deepEqual(await ask('none'), [404, 'pods "none" not found']);
          const [code, message] = await ask('pending');
          assert.equal(code, 400);
          assert.match(message, /pod is not running. Current status=Pending/);
        }
        const { code } = await send(`${url}${PODS}/a/portforward`, { method: 'POST' });
        assert.equal(code, 400, 'a request that is no upgrade');
      },
      runtime,
    );
  });

  it('ends with the server', async () => {
    await withServer({}, async (server) => {
      const forward = await portForward({ server: server.url, pod: 'a' }, ':80', { addresses: '127.0.0.1' });
      const socket = connect(forward.ports[0]?.localPort ?? 0, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'data');
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await server.close();
      assert.equal((await forward.closed).kind, 'lost');
      await closed;
    });
  });

  it('is in the list of resources', async () => {
    await withServer({}, async ({ url }) => {
      const { text } = await send(`${url}/api/v1`);
      const { resources } = JSON.parse(text) as { resources: { name: string; verbs: string[] }[] };
      assert.deepEqual(resources.find(({ name }) => name === 'pods/portforward')?.verbs, ['create', 'get']);
    });
  });
});
