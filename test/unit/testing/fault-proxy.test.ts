import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { FaultProxy } from '../../../src/testing/fault-proxy.js';
import { oneByte } from '../../../src/testing/slicers.js';

/** A connection through a relay to a server that says everything back, a chunk at a time. */
class Echo implements AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** What the server was given, chunk by chunk. */
  readonly heard: Buffer[] = [];

  private constructor(server: Server, proxy: FaultProxy) {
    this.#server = server;
    this.proxy = proxy;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        this.heard.push(chunk);
        socket.write(chunk);
      });
    });
  }

  static async start(): Promise<Echo> {
    const server = createServer({ allowHalfOpen: false }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const proxy = new FaultProxy({ target: { host: '127.0.0.1', port }, random: () => 0.5 });
    const echo = new Echo(server, proxy);
    await proxy.listen();
    return echo;
  }

  connect(): { readonly socket: Socket; text(): string; until(text: string): Promise<void> } {
    const socket = connect(this.proxy.port, '127.0.0.1');
    socket.on('error', () => {});
    let got = '';
    const text = (): string => got;
    socket.setEncoding('latin1').on('data', (more: string) => (got += more));
    const until = async (expected: string): Promise<void> => {
      while (text() !== expected) await once(socket, 'data');
    };
    return { socket, text, until };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.close();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }
}

async function closed(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>((resolve) => void socket.once('close', () => resolve()));
}

describe('FaultProxy', () => {
  it('passes everything on, the ends too', async () => {
    await using echo = await Echo.start();
    const { socket, until } = echo.connect();
    socket.write('to and fro');
    await until('to and fro');
    assert.deepEqual([echo.proxy.connections, echo.proxy.accepted], [1, 1]);
    socket.end();
    await closed(socket);
    while (echo.proxy.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  it('cuts: connections are reset, and those that come; until it is healed', async () => {
    await using echo = await Echo.start();
    const first = echo.connect();
    first.socket.write('x');
    await first.until('x');
    echo.proxy.cut();
    await closed(first.socket);
    const second = echo.connect();
    await closed(second.socket);
    echo.proxy.heal();
    const third = echo.connect();
    third.socket.write('again');
    await third.until('again');
  });

  it('loses one way or both, the end included, and a connection that has lost stays so', async () => {
    await using echo = await Echo.start();
    const one = echo.connect();
    one.socket.write('a');
    await one.until('a');
    echo.proxy.lose('down');
    one.socket.write('b');
    while (Buffer.concat(echo.heard).toString() !== 'ab') await new Promise((resolve) => setImmediate(resolve));
    assert.equal(one.text(), 'a');
    echo.proxy.lose();
    one.socket.write('c');
    echo.proxy.heal();
    const other = echo.connect();
    other.socket.write('d');
    await other.until('d');
    one.socket.write('e');
    const last = echo.connect();
    last.socket.write('f');
    await last.until('f');
    assert.equal(Buffer.concat(echo.heard).toString(), 'abdf');
    assert.equal(one.text(), 'a');
  });

  it('lets a few bytes through at a time, and all of them when it is healed', async () => {
    await using echo = await Echo.start();
    echo.proxy.limit(100);
    const { socket, until } = echo.connect();
    const text = 'x'.repeat(10_000);
    socket.write(text);
    while (echo.heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(echo.heard[0]?.length, 5, 'a twentieth of a second');
    echo.proxy.heal();
    await until(text);
  });

  it('is late, and keeps the order', async () => {
    await using echo = await Echo.start();
    echo.proxy.delay(5, 10);
    const { socket, until } = echo.connect();
    let text = '';
    for (let i = 0; i < 50; i++) {
      socket.write(`${i} `);
      text += `${i} `;
    }
    await until(text);
    echo.proxy.delay(3_600_000);
    socket.write('waits');
    echo.proxy.heal();
    await until(`${text}waits`);
  });

  it('cuts into pieces, and flips one bit', async () => {
    await using echo = await Echo.start();
    echo.proxy.slice(oneByte);
    const { socket, text, until } = echo.connect();
    socket.write('pieces');
    await until('pieces');
    echo.proxy.heal();
    echo.proxy.flip('up');
    socket.write('pieces');
    while (text().length < 12) await once(socket, 'data');
    const flipped = Array.from(text().slice(6)).filter((letter, i) => letter !== 'pieces'[i]);
    assert.equal(flipped.length, 1);
    socket.write('!');
    while (!text().endsWith('!')) await once(socket, 'data');
  });
});
