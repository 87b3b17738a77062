// Port-forward seen from outside: kubectl against the embedded cluster, client-go's package against our server, our client
// against our server and against one in Go, and servers that are killed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Pod } from '../../src/apiserver/index.js';
import { startCluster, type Cluster } from '../../src/cluster/index.js';
import { portForwardHandler, type PortForwardHandlerOptions } from '../../src/portforward/index.js';
import { attempts, fetchPattern, load, sendPattern } from '../interop/support/forward-load.js';
import { startGo } from '../interop/support/go-programs.js';
import { patternSha256 } from '../interop/support/pattern.js';
import { FakeRuntime, withServer } from '../unit/apiserver/support.js';
import { createWebServer, listenOnLoopback } from '../interop/support/web-pod.js';
import { kubectl } from './support/kubectl.js';
import { kubectlPortForward } from './support/kubectl-port-forward.js';

const MEBIBYTE = 1024 * 1024;
/** Of the pod's address nothing listens there. */
const REFUSED = 81;

describe('kubectl port-forward to a pod of the embedded cluster', () => {
  let cluster: Cluster;
  let pod: { readonly name: string; readonly port: number };

  before(async () => {
    const program = fileURLToPath(new URL('../interop/support/web-pod-main.js', import.meta.url));
    cluster = await startCluster({ pods: 1, command: [process.execPath, program] });
    const [first] = cluster.pods;
    assert.ok(first);
    pod = first;
  });
  after(() => cluster.close());

  for (const wire of ['websocket', 'spdy'] as const) {
    describe(wire === 'websocket' ? 'through the tunnel' : 'over SPDY', () => {
      it('1,000 requests on 50 connections at once, a refused port among good ones', async () => {
        const specs = [`:${pod.port}`, `:${REFUSED}`];
        await using forward = await kubectlPortForward(cluster.apiServer, pod.name, specs, wire);
        const [result, refused] = await Promise.all([
          load(forward.local(pod.port), 1_000, 50),
          attempts(forward.local(REFUSED), 20),
        ]);
        assert.deepEqual(result.failures, []);
        assert.equal(result.good, 1_000);
        assert.equal(refused.length, 20);
        assert.ok(forward.running, forward.stderr());
        const method = wire === 'websocket' ? 'GET' : 'POST';
        assert.match(forward.stderr(), new RegExp(`${method} \\S+/portforward\\n`));
        // kubectl says for each which port it was.
        assert.match(forward.stderr(), new RegExp(`error creating forwarding stream for port \\d+ -> ${REFUSED}: `));
        assert.equal((await load(forward.local(pod.port), 20, 4)).good, 20);
      });

      it('32 MiB each way', async () => {
        await using forward = await kubectlPortForward(cluster.apiServer, pod.name, [`:${pod.port}`], wire);
        const size = 32 * MEBIBYTE;
        const expected = { bytes: size, sha256: patternSha256(size) };
        const port = forward.local(pod.port);
        assert.deepEqual(await Promise.all([fetchPattern(port, size), sendPattern(port, size)]), [expected, expected]);
      });
    });
  }

  it('a pod that does not exist is not found', async () => {
    const { code, stderr } = await kubectl(['port-forward', 'pod/none', ':80'], { server: cluster.apiServer });
    assert.equal(code, 1);
    assert.match(stderr, /pods "none" not found/);
  });
});

/** Port 1 cannot be reached, port 2 breaks in the middle, others send back what they get. */
class BreakingRuntime extends FakeRuntime {
  override portForward(pod: Pod, port: number): Duplex {
    const connection = super.portForward(pod, port);
    if (port === 2) connection.once('readable', () => setTimeout(() => connection.destroy(new Error('pod broke')), 20));
    return connection;
  }
}

describe('kubectl port-forward and connections that fail', () => {
  const wires = ['websocket', 'spdy'] as const;

  for (const wire of wires) {
    it(`${wire}: at once or later, each fails alone`, async () => {
      await withServer(
        {},
        async ({ url }) => {
          await using forward = await kubectlPortForward(url, 'a', [':1', ':2', ':3'], wire);
          for (let round = 0; round < 3; round++) {
            await attempts(forward.local(1), 2);
            await attempts(forward.local(2), 2);
            const socket = connect(forward.local(3), '127.0.0.1');
            const [chunk] = (await once(socket, 'data')) as [Buffer];
            assert.equal(chunk.toString(), 'port 3\n');
            socket.destroy();
          }
          assert.ok(forward.running, forward.stderr());
        },
        new BreakingRuntime(),
      );
    });

    it(`${wire}: with error text for everyone, kubectl ends, as with the original`, async () => {
      await withServer({ portForward: { errorText: 'always' } }, async ({ url }) => {
        const forward = await kubectlPortForward(url, 'a', [':1', ':3'], wire);
        await attempts(forward.local(1), 1);
        assert.equal(await forward.exited, 1);
        assert.match(forward.stderr(), /error forwarding port 1: connection refused/);
        assert.match(forward.stderr(), /lost connection to pod/);
      });
    });
  }
});

/** Our server, in this process, with what leads to a web server and to nowhere. */
async function serveForwarding(options: PortForwardHandlerOptions = {}): Promise<{
  readonly url: string;
  readonly web: number;
  close(): Promise<void>;
}> {
  const web = createWebServer();
  const webPort = await listenOnLoopback(web);
  const server: HttpServer = createHttpServer();
  const stop = new AbortController();
  const handle = portForwardHandler(({ port }) => connect(port, '127.0.0.1'), { ...options, signal: stop.signal });
  server.on('upgrade', handle);
  const port = await listenOnLoopback(server);
  return {
    url: `http://127.0.0.1:${port}/api/v1/namespaces/default/pods/p/portforward`,
    web: webPort,
    async close() {
      stop.abort();
      server.close();
      web.close();
      web.closeAllConnections();
      await Promise.all([once(server, 'close'), once(web, 'close')]);
    },
  };
}

interface GoLine {
  readonly ports?: readonly { readonly local: number; readonly remote: number }[];
  readonly error?: string;
  readonly messages?: readonly string[];
}

describe("client-go's port-forward against our server", () => {
  for (const transport of ['spdy', 'tunnel', 'fallback']) {
    it(`${transport}: 1,000 requests on 50 connections at once, a refused port among good ones`, async () => {
      const server = await serveForwarding();
      const args = ['-url', server.url, '-transport', transport, '-ports', `:${server.web},:${REFUSED}`];
      const client = startGo<GoLine>('portforwardclient', args);
      const { ports = [] } = await client.line((line) => line.ports !== undefined);
      const local = (remote: number): number => ports.find((port) => port.remote === remote)?.local ?? 0;
      const [result] = await Promise.all([load(local(server.web), 1_000, 50), attempts(local(REFUSED), 20)]);
      client.process.stdin?.end();
      const { lines } = await client.finished;
      await server.close();
      assert.deepEqual(result.failures, []);
      const { error, messages = [] } = lines.at(-1) ?? {};
      assert.equal(error, '', 'the session was ended by us');
      assert.equal(
        messages.filter((message) => message.includes('creating forwarding stream')).length,
        20,
        messages.join('\n'),
      );
    });
  }

  it('with error text for everyone, a refused port ends its session, as with the original', async () => {
    const server = await serveForwarding({ errorText: 'always' });
    const args = ['-url', server.url, '-transport', 'spdy', '-ports', `:${server.web},:${REFUSED}`];
    const client = startGo<GoLine>('portforwardclient', args);
    const { ports = [] } = await client.line((line) => line.ports !== undefined);
    await attempts(ports.find((port) => port.remote === REFUSED)?.local ?? 0, 1);
    const { lines } = await client.finished;
    await server.close();
    const { error, messages = [] } = lines.at(-1) ?? {};
    assert.equal(error, 'lost connection to pod');
    assert.match(messages.join('\n'), new RegExp(`error forwarding port ${REFUSED}: connect ECONNREFUSED`));
  });
});
