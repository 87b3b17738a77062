import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createSecureServer } from 'node:https';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { Dialer } from '../../../src/httpstream/index.js';
import {
  portForward,
  portForwardHandler,
  type DialPort,
  type ForwardedConnection,
  type PortForward,
  type PortForwardHandlerOptions,
  type PortForwardOptions,
} from '../../../src/portforward/index.js';
import { FaultyDuplex, VirtualClock } from '../../../src/testing/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../../support/certificates.js';
import { answerOf, withEcho } from '../../conformance/portforward-support.js';
import { listen, until, type UpgradeServer } from '../../conformance/remotecommand-server.js';

const toLoopback: DialPort = ({ port }) => connect(port, '127.0.0.1');
const LOCAL = { addresses: '127.0.0.1' };

function serve(options: PortForwardHandlerOptions = {}): Promise<UpgradeServer> {
  return listen(portForwardHandler(toLoopback, options));
}

function localPort({ ports }: PortForward, index = 0): number {
  return ports[index]?.localPort ?? 0;
}

async function dialled(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

describe('options', () => {
  const wrong: readonly Record<string, unknown>[] = [
    { transport: 'http' },
    { pingPeriod: -1 },
    { pingTimeout: Number.NaN },
    { deadTimeout: '1' },
    { stallTimeout: Infinity },
    { reconnect: { initialDelay: -1 } },
    { reconnect: { meanwhile: 'queue' } },
    { limits: { maxStreams: 0 } },
    { addresses: [] },
  ];
  for (const options of wrong) {
    it(`refuses ${JSON.stringify(options)}`, async () => {
      const given: PortForwardOptions = options;
      await assert.rejects(portForward('http://127.0.0.1:1/', '80', given), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
  const wrongHandler: readonly Record<string, unknown>[] = [
    { errorText: 'never' },
    { transports: ['http'] },
    { maxConnections: 0 },
    { ports: [0] },
    { ports: [65_536] },
    { dialTimeout: -1 },
    { limits: { maxStreams: 1.5 } },
  ];
  for (const options of wrongHandler) {
    it(`of the handler: refuses ${JSON.stringify(options)}`, () => {
      const given: PortForwardHandlerOptions = options;
      assert.throws(() => portForwardHandler(toLoopback, given), { code: 'ERR_INVALID_ARGUMENT' });
    });
  }
});

describe('the way to the server', () => {
  it('auto: SPDY when the tunnel is refused', async () => {
    await using server = await serve({ transports: ['spdy'] });
    await using forward = await portForward(server.url, ':80', LOCAL);
    assert.equal(forward.transport, 'spdy');
    assert.deepEqual(server.upgrades, ['websocket', 'SPDY/3.1']);
  });

  it('auto: both refusals are shown', async () => {
    await using server = await serve({ transports: ['websocket'] });
    await assert.rejects(portForward(server.url, ':80', LOCAL), {
      code: 'ERR_UPGRADE_FAILURE',
      statusCode: 400,
      message: /through the tunnel: .*WebSocket subprotocols.*; over SPDY: .*not served over "SPDY\/3.1"/,
    });
  });

  it('auto: a server that cannot be reached is not asked twice', async () => {
    let dials = 0;
    const dialer: Dialer = () => {
      dials++;
      return Promise.reject(new Error('no way'));
    };
    const target = { url: 'http://127.0.0.1:1/', dialer };
    await assert.rejects(portForward(target, ':80', LOCAL), { code: 'ERR_CONNECTION_LOST' });
    assert.equal(dials, 1);
  });

  it('a pod, with credentials that are asked for before each attempt', async () => {
    const tokens: (string | undefined)[] = [];
    const handle = portForwardHandler(toLoopback, { transports: ['spdy'] });
    await using server = await listen((req, socket, head) => {
      tokens.push(req.headers.authorization);
      assert.equal(req.url, '/base/api/v1/namespaces/n/pods/p/portforward');
      handle(req, socket, head);
    });
    let asked = 0;
    const pod = {
      server: `${new URL(server.url).origin}/base`,
      namespace: 'n',
      pod: 'p',
      credentials: () => ({ token: `t${++asked}` }),
    };
    await using forward = await portForward(pod, ':80', LOCAL);
    assert.equal(forward.transport, 'spdy');
    assert.deepEqual(tokens, ['Bearer t1', 'Bearer t2']);
  });

  for (const transport of ['tunnel', 'spdy', 'websocket'] as const) {
    it(`${transport}: TLS, with the server's authority from the target`, async () => {
      await withEcho(async (echoPort) => {
        const server = createSecureServer({ cert: SERVER_CERT, key: SERVER_KEY });
        const sockets = new Set<Socket>();
        server.on('connection', (socket: Socket) => {
          sockets.add(socket);
          socket.once('close', () => sockets.delete(socket));
        });
        server.on('upgrade', portForwardHandler(toLoopback));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const url = `https://127.0.0.1:${port}/portforward`;
        const errors: Error[] = [];
        const open = (tls: object): Promise<PortForward> =>
          portForward({ url, tls }, `:${echoPort}`, {
            ...LOCAL,
            transport,
            onConnectionError: (error) => errors.push(error),
          });
        const forward = await open({ ca: CA });
        const socket = await dialled(localPort(forward));
        socket.write('hello');
        assert.equal(String(await once(socket, 'data')), 'hello');
        socket.destroy();
        await forward.close();
        if (transport === 'websocket') {
          await using strange = await open({});
          assert.equal((await answerOf(localPort(strange), '')).error, 'ECONNRESET');
          await until(() => errors.length === 1);
          assert.match(errors[0]?.message ?? '', /certificate/);
        } else {
          await assert.rejects(open({}), { code: 'ERR_CONNECTION_LOST', message: /certificate/ });
        }
        await until(() => sockets.size === 0);
        server.close();
        await once(server, 'close');
      });
    });
  }

  it('a target that is never found can be given up', async () => {
    const stop = new AbortController();
    const forward = portForward(() => new Promise(() => {}), ':80', { ...LOCAL, signal: stop.signal });
    stop.abort(new Error('enough'));
    await assert.rejects(forward, /enough/);
  });

  it('a signal that has aborted: nothing is begun', async () => {
    const signal = AbortSignal.abort(new Error('before'));
    await assert.rejects(portForward('http://127.0.0.1:1/', ':80', { signal }), /before/);
  });
});

describe('reconnect', () => {
  it('asks for the target again, and reaches the pod that took the place of the first', async () => {
    await withEcho(async (echoPort) => {
      const first = await serve();
      await using second = await serve();
      const found: string[] = [];
      const target = (): Promise<string> => {
        const { url } = found.length === 0 ? first : second;
        found.push(url);
        return Promise.resolve(url);
      };
      const events: string[] = [];
      await using forward = await portForward(target, `:${echoPort}`, {
        ...LOCAL,
        transport: 'tunnel',
        reconnect: { initialDelay: 10 },
        onDisconnect: ({ name }) => events.push(name),
        onReconnect: (transport) => events.push(transport),
      });
      await first[Symbol.asyncDispose]();
      assert.deepEqual(await answerOf(localPort(forward), 'hello'), { text: 'hello', error: undefined });
      assert.deepEqual(found, [first.url, second.url]);
      assert.deepEqual(events, ['ConnectionLostError', 'tunnel']);
    });
  });

  it('meanwhile: refuse resets local connections at once', async () => {
    const server = await serve();
    const errors: Error[] = [];
    await using forward = await portForward(server.url, ':80', {
      ...LOCAL,
      reconnect: { initialDelay: 60_000, meanwhile: 'refuse' },
      onConnectionError: (error) => errors.push(error),
    });
    let down = false;
    const { url } = server;
    await server[Symbol.asyncDispose]();
    while (!down) down = (await answerOf(localPort(forward), '')).error === 'ECONNRESET';
    assert.equal((errors.at(-1) as NodeJS.ErrnoException).code, 'ERR_CONNECTION_LOST');
    assert.ok(url.length > 0);
  });

  it('a local client that goes while it waits is no failure', async () => {
    const server = await serve();
    const errors: Error[] = [];
    let lost = (): void => {};
    const disconnected = new Promise<void>((resolve) => (lost = resolve));
    await using forward = await portForward(server.url, ':80', {
      ...LOCAL,
      reconnect: { initialDelay: 60_000 },
      onConnectionError: (error) => errors.push(error),
      onDisconnect: lost,
    });
    await server[Symbol.asyncDispose]();
    await disconnected;
    const socket = await dialled(localPort(forward));
    await until(() => forward.connections === 1);
    socket.resetAndDestroy();
    await until(() => forward.connections === 0);
    assert.deepEqual(errors, []);
  });
});

describe('connections', () => {
  it('are told of, with their bytes', async () => {
    await withEcho(async (echoPort) => {
      await using server = await serve();
      const seen: ForwardedConnection[] = [];
      const progress: [number, number][] = [];
      await using forward = await portForward(server.url, `:${echoPort}`, {
        ...LOCAL,
        onConnection: (connection) => seen.push(connection),
        onProgress: ({ sentBytes, receivedBytes }) => progress.push([sentBytes, receivedBytes]),
      });
      await answerOf(localPort(forward), 'x'.repeat(1_000));
      await until(() => progress.length > 0 && forward.connections === 0);
      const [connection] = seen;
      assert.ok(connection);
      assert.equal(connection.id, 0);
      assert.deepEqual(connection.port, forward.ports[0]);
      assert.match(connection.peer, /^127\.0\.0\.1:\d+$/);
      assert.deepEqual(progress.at(-1), [1_000, 1_000]);
      assert.equal(await connection.closed, undefined);
    });
  });

  it('go on when whoever is told of them throws', async () => {
    await withEcho(async (echoPort) => {
      await using server = await serve();
      const fail = (): never => {
        throw new Error('observer');
      };
      await using forward = await portForward(server.url, [`:${echoPort}`, ':1'], {
        ...LOCAL,
        onConnection: fail,
        onConnectionError: fail,
        onProgress: fail,
      });
      assert.equal((await answerOf(localPort(forward, 1), '')).error, 'ECONNRESET');
      assert.equal((await answerOf(localPort(forward), 'hello')).text, 'hello');
    });
  });

  it('can be broken off one by one', async () => {
    await withEcho(async (echoPort, sockets) => {
      await using server = await serve();
      const seen: ForwardedConnection[] = [];
      await using forward = await portForward(server.url, `:${echoPort}`, {
        ...LOCAL,
        onConnection: (connection) => seen.push(connection),
      });
      const [first, second] = [await dialled(localPort(forward)), await dialled(localPort(forward))];
      await until(() => sockets.size === 2);
      const closed = new Promise((resolve) => first.once('close', resolve));
      seen[0]?.abort();
      await closed;
      assert.ok((await seen[0]?.closed) instanceof Error);
      await until(() => sockets.size === 1);
      second.write('still');
      const [chunk] = (await once(second, 'data')) as [Buffer];
      assert.equal(chunk.toString(), 'still');
      second.destroy();
    });
  });

  it('that are not read for too long are reset, and the others go on', async () => {
    // A pod that sends without end on one port, and back what it gets on the other.
    await withEcho(async (echoPort) => {
      await using server = await listen(
        portForwardHandler(({ port }) => {
          const socket = connect(echoPort, '127.0.0.1');
          if (port === 1) for (let sent = 0; sent < 16; sent++) socket.write(Buffer.alloc(1024 * 1024));
          return socket;
        }),
      );
      const errors: [number, Error][] = [];
      await using forward = await portForward(server.url, [':1', ':2'], {
        ...LOCAL,
        stallTimeout: 100,
        onConnectionError: (error, { port }) => errors.push([port.remotePort, error]),
      });
      const deaf = await dialled(localPort(forward));
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.equal(errors.length, 0, 'while it is alone it may take its time');
      const other = answerOf(localPort(forward, 1), 'held up');
      assert.equal((await other).text, 'held up');
      await until(() => errors.length === 1);
      assert.equal(errors[0]?.[0], 1);
      assert.match(errors[0]?.[1].message ?? '', /did not read/);
      assert.equal((await answerOf(localPort(forward, 1), 'hello')).text, 'hello');
      deaf.destroy();
    });
  });

  it('end with close(), all of them', async () => {
    await withEcho(async (echoPort, sockets) => {
      await using server = await serve();
      const errors: Error[] = [];
      const forward = await portForward(server.url, `:${echoPort}`, {
        ...LOCAL,
        onConnectionError: (error) => errors.push(error),
      });
      const clients = await Promise.all([1, 2, 3].map(() => dialled(localPort(forward))));
      await until(() => sockets.size === 3);
      const gone = clients.map((client) => new Promise((resolve) => client.once('close', resolve)));
      await forward.close();
      assert.equal(forward.connections, 0);
      await Promise.all(gone);
      await until(() => sockets.size === 0 && server.sockets.size === 0);
      assert.deepEqual(errors, []);
    });
  });
});

describe('a server that is dead', () => {
  /** Forwards on a virtual clock, over a cable that can be pulled. */
  async function pulled(
    echoPort: number,
    test: (forward: PortForward, cable: FaultyDuplex, clock: VirtualClock) => Promise<void>,
  ): Promise<void> {
    await using server = await serve();
    const clock = new VirtualClock();
    const { port } = new URL(server.url);
    let cable: FaultyDuplex | undefined;
    const dialer: Dialer = async () => {
      const socket = connect(Number(port), '127.0.0.1');
      await once(socket, 'connect');
      cable = new FaultyDuplex(socket);
      return cable;
    };
    const target = { url: server.url, dialer };
    const forward = await portForward(target, `:${echoPort}`, { ...LOCAL, clock, transport: 'spdy' });
    assert.ok(cable);
    try {
      await test(forward, cable, clock);
    } finally {
      await forward.close();
      assert.equal(clock.pending, 0, 'no timer is left');
    }
  }

  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('is noticed when nothing happens', async () => {
    await withEcho(async (echoPort) => {
      await pulled(echoPort, async (forward, cable, clock) => {
        cable.lose();
        for (let second = 0; second < 25; second++) {
          clock.advance(1_000);
          await turns();
        }
        assert.equal((await forward.closed).kind, 'lost');
      });
    });
  });

  it('is noticed while data is under way', async () => {
    await withEcho(async (echoPort) => {
      await pulled(echoPort, async (forward, cable, clock) => {
        const socket = await dialled(localPort(forward));
        socket.write('question');
        const [chunk] = (await once(socket, 'data')) as [Buffer];
        assert.equal(chunk.toString(), 'question');
        cable.lose();
        socket.write('another');
        const reset = new Promise((resolve) => socket.once('error', resolve));
        for (let second = 0; second < 75; second += 5) {
          await turns();
          clock.advance(5_000);
        }
        await turns();
        assert.equal((await forward.closed).kind, 'lost');
        assert.equal(((await reset) as NodeJS.ErrnoException).code, 'ECONNRESET');
      });
    });
  });
});
