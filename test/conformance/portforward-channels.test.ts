// cri-streaming portforward/websocket.go: two channels per port, each begun with the port; and our client on that wire.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { acceptChannels, dialChannels, type ChannelConnection } from '../../src/websocket/index.js';
import { portForward, portForwardHandler, type DialPort } from '../../src/portforward/index.js';
import { answerOf, listenOn, textOf, withEcho } from './portforward-support.js';
import { listen, until, type UpgradeServer } from './remotecommand-server.js';

/** Opens the channels of `ports` by hand. */
async function open(
  server: UpgradeServer,
  ports: readonly number[],
  protocol = 'v4.channel.k8s.io',
): Promise<{ connection: ChannelConnection; data: Duplex[]; errors: Duplex[] }> {
  const connection = await dialChannels(
    { url: `${server.url}?ports=${ports.join('&ports=')}` },
    { protocols: [protocol], channels: ports.flatMap(() => ['duplex', 'read'] as const) },
  );
  const channels = ports.map((_, index) => [connection.channel(2 * index), connection.channel(2 * index + 1)] as const);
  return { connection, data: channels.map(([data]) => data), errors: channels.map(([, errors]) => errors) };
}

/** The port in front of a channel's text. */
function unprefixed(text: Buffer): [number, string] {
  return [text.readUInt16LE(), text.toString('utf8', 2)];
}

async function bytesOf(channel: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  channel.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => channel.once('end', resolve).once('close', resolve));
  return Buffer.concat(chunks);
}

/** A pod whose ports greet with their number and end. */
async function withGreeters(count: number, test: (ports: readonly number[]) => Promise<void>): Promise<void> {
  const servers = Array.from({ length: count }, () =>
    createServer((socket: Socket) => {
      socket.on('error', () => {}).end(`port ${socket.localPort}`);
    }),
  );
  const ports = await Promise.all(servers.map((server) => listenOn(server)));
  try {
    await test(ports);
  } finally {
    for (const server of servers) server.close();
    await Promise.all(servers.map((server) => once(server, 'close')));
  }
}

const toLoopback: DialPort = ({ port }) => connect(port, '127.0.0.1');

describe('v4.channel.k8s.io', () => {
  it('every channel begins with its port, little-endian; the WebSocket ends when all ports have', async () => {
    await withGreeters(3, async (ports) => {
      await using server = await listen(portForwardHandler(toLoopback));
      const { connection, data, errors } = await open(server, ports);
      const contents = await Promise.all([...data, ...errors].map(bytesOf));
      assert.deepEqual(contents.map(unprefixed), [
        ...ports.map((port) => [port, `port ${port}`]),
        ...ports.map((port) => [port, '']),
      ]);
      assert.equal((await connection.closed).kind, 'going-away');
      await until(() => server.sockets.size === 0);
    });
  });

  it('the same in base64', async () => {
    await withGreeters(1, async (ports) => {
      await using server = await listen(portForwardHandler(toLoopback));
      const { data } = await open(server, ports, 'v4.base64.channel.k8s.io');
      assert.deepEqual(unprefixed(await bytesOf(data[0] as Duplex)), [ports[0], `port ${ports[0]}`]);
    });
  });

  it('what the client sends reaches the port it is for', async () => {
    await withEcho(async (port) => {
      await using server = await listen(portForwardHandler(toLoopback));
      const { connection, data } = await open(server, [port, port]);
      const texts = ['', ''];
      for (const [index, channel] of data.entries()) {
        channel.on('data', (chunk: Buffer) => (texts[index] += chunk.toString('latin1')));
        channel.write(`to ${index}`);
      }
      await until(() => texts.every((text, index) => text.endsWith(`to ${index}`)));
      await connection.close();
    });
  });

  it('a port that cannot be reached: text on its error channel; the others go on', async () => {
    await withEcho(async (port) => {
      const told: number[] = [];
      const dial: DialPort = (request) =>
        request.port === 9 ? Promise.reject(new Error('nothing there')) : toLoopback(request);
      await using server = await listen(
        portForwardHandler(dial, { onError: (_error, connection) => told.push(connection.port) }),
      );
      const { connection, data, errors } = await open(server, [9, port]);
      let error = '';
      errors[0]?.on('data', (chunk: Buffer) => (error += chunk.toString('latin1')));
      await until(() => error.endsWith('error forwarding port 9: nothing there'));
      let text = '';
      data[1]?.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
      data[1]?.write('still here');
      await until(() => text.endsWith('still here'));
      assert.deepEqual(told, [9]);
      await connection.close();
    });
  });

  for (const how of ['closes', 'vanishes'] as const) {
    it(`a client that ${how} takes the connections to the pod with it`, async () => {
      await withEcho(async (port, sockets) => {
        await using server = await listen(portForwardHandler(toLoopback));
        const { connection } = await open(server, [port, port]);
        await until(() => sockets.size === 2);
        if (how === 'closes') await connection.close();
        else for (const socket of server.sockets) socket.resetAndDestroy();
        await until(() => sockets.size === 0);
      });
    });
  }

  it('what a client sent before it closed in good order reaches the pod in full', async () => {
    const received: number[] = [];
    const sink = createServer({ allowHalfOpen: true }, (socket) => {
      let bytes = 0;
      socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
      socket.on('end', () => {
        received.push(bytes);
        socket.end();
      });
      socket.on('error', () => received.push(-1));
    });
    const port = await listenOn(sink);
    await using server = await listen(portForwardHandler(toLoopback));
    const { connection, data } = await open(server, [port]);
    data[0]?.write(Buffer.alloc(300_000));
    await connection.close();
    await until(() => received.length === 1);
    assert.deepEqual(received, [300_000]);
    sink.close();
    await once(sink, 'close');
  });

  it('a handler that is stopped ends the WebSocket and the connections to the pod', async () => {
    await withEcho(async (port, sockets) => {
      const stop = new AbortController();
      await using server = await listen(portForwardHandler(toLoopback, { signal: stop.signal }));
      const { connection } = await open(server, [port]);
      await until(() => sockets.size === 1);
      stop.abort();
      await connection.closed;
      await until(() => sockets.size === 0 && server.sockets.size === 0);
    });
  });
});

/** A server that speaks the wire by hand, cutting everything into pieces of `piece` bytes. */
function channelsByHand(
  piece: number,
  plan: (data: Duplex, errors: Duplex, connection: ChannelConnection) => void,
): Parameters<typeof listen>[0] {
  return (req, socket, head) => {
    const port = Number(new URL(req.url ?? '', 'http://h').searchParams.get('ports'));
    const options = {
      protocols: ['v4.channel.k8s.io'],
      channels: ['duplex', 'write'] as const,
      limits: { maxDataFrameOut: piece },
    };
    void acceptChannels(req, socket, head, options).then((connection) => {
      const prefix = Buffer.from([port & 0xff, port >> 8]);
      for (const channel of [0, 1]) connection.channel(channel).write(prefix);
      plan(connection.channel(0), connection.channel(1), connection);
    });
  };
}

describe('our client on v4.channel.k8s.io', () => {
  for (const piece of [1, 2, 3, 65_536]) {
    it(`the ports are taken off, in messages of ${piece} bytes`, async () => {
      const handler = channelsByHand(piece, (data, _errors, connection) => {
        data.write('answer');
        void connection.close();
      });
      await using server = await listen(handler);
      await using forward = await portForward(server.url, ':258', { transport: 'websocket', addresses: '127.0.0.1' });
      const port = forward.ports[0]?.localPort ?? 0;
      assert.deepEqual(await answerOf(port, ''), { text: 'answer', error: undefined });
    });
  }

  it('text on the error channel fails the connection, which must not look complete', async () => {
    const errors: string[] = [];
    const handler = channelsByHand(1, (_data, channel, connection) => {
      channel.write('boom');
      void connection.close();
    });
    await using server = await listen(handler);
    await using forward = await portForward(server.url, ':80', {
      transport: 'websocket',
      addresses: '127.0.0.1',
      onConnectionError: (error) => errors.push(error.message),
    });
    assert.equal((await answerOf(forward.ports[0]?.localPort ?? 0, '')).error, 'ECONNRESET');
    await until(() => errors.length === 1);
    assert.deepEqual(errors, ['boom']);
  });

  it('a server that forwards another port breaks the rules', async () => {
    const errors: Error[] = [];
    const handler: Parameters<typeof listen>[0] = (req, socket, head) => {
      const options = { protocols: ['v4.channel.k8s.io'], channels: ['duplex', 'write'] as const };
      void acceptChannels(req, socket, head, options).then((connection) =>
        connection.channel(0).write(Buffer.alloc(2)),
      );
    };
    await using server = await listen(handler);
    await using forward = await portForward(server.url, ':80', {
      transport: 'websocket',
      addresses: '127.0.0.1',
      onConnectionError: (error) => errors.push(error),
    });
    assert.equal((await answerOf(forward.ports[0]?.localPort ?? 0, '')).error, 'ECONNRESET');
    await until(() => errors.length === 1);
    assert.equal((errors[0] as NodeJS.ErrnoException).code, 'ERR_PROTOCOL');
  });

  it('a refusal fails each connection with what the server said', async () => {
    const errors: Error[] = [];
    await using server = await listen(portForwardHandler(toLoopback, { ports: [80] }));
    await using forward = await portForward(server.url, ':22', {
      transport: 'websocket',
      addresses: '127.0.0.1',
      onConnectionError: (error) => errors.push(error),
    });
    assert.equal((await answerOf(forward.ports[0]?.localPort ?? 0, '')).error, 'ECONNRESET');
    await until(() => errors.length === 1);
    assert.match(errors[0]?.message ?? '', /port 22 may not be forwarded/);
  });
});

describe('SPDY/3.1+portforward.k8s.io', () => {
  it('a text message ends the tunnel, and no other', async () => {
    await withEcho(async (port, sockets) => {
      await using server = await listen(portForwardHandler(toLoopback));
      await using forward = await portForward(server.url, `:${port}`, { transport: 'tunnel', addresses: '127.0.0.1' });
      const socket = connect(forward.ports[0]?.localPort ?? 0, '127.0.0.1');
      socket.on('error', () => {}).write('x');
      await until(() => sockets.size === 1);
      const { host, pathname } = new URL(server.url);
      const other = connect(Number(host.split(':')[1]), '127.0.0.1');
      other.write(
        `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
          'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
          'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n\r\n',
      );
      const [answer] = (await once(other, 'data')) as [Buffer];
      assert.match(answer.toString('latin1'), /^HTTP\/1\.1 101 /);
      // A text frame of one character, masked with zeros; the server has to close.
      other.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78]));
      const closed = once(other, 'close');
      const [frame] = (await once(other, 'data')) as [Buffer];
      assert.equal((frame[0] ?? 0) & 0x0f, 8, 'a close frame');
      other.destroy();
      await closed;
      assert.equal(forward.connections, 1);
      socket.destroy();
      await until(() => sockets.size === 0);
    });
  });

  it('a tunnel that is closed in good order ends the session', async () => {
    await using server = await listen(portForwardHandler(toLoopback));
    const forward = await portForward(server.url, ':80', { transport: 'tunnel', addresses: '127.0.0.1' });
    assert.equal(server.upgrades.at(-1), 'websocket');
    await forward.close();
    await until(() => server.sockets.size === 0);
  });

  it('half-close and bytes both ways through it', async () => {
    await withEcho(async (port) => {
      await using server = await listen(portForwardHandler(toLoopback));
      await using forward = await portForward(server.url, `:${port}`, { transport: 'tunnel', addresses: '127.0.0.1' });
      const socket = connect({ port: forward.ports[0]?.localPort ?? 0, host: '127.0.0.1', allowHalfOpen: true });
      socket.end(Buffer.alloc(1_000_000, 'x'));
      assert.equal((await textOf(socket)).text.length, 1_000_000);
    });
  });
});
