// examples/reverse-tunnel-server.js and -agent.js as a user runs them, with an HTTP and an echo server behind the agent.
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buffer, text } from 'node:stream/consumers';
import { after, afterEach, before, describe, it } from 'node:test';
import { projectRoot } from '../support/project-root.js';

/** An example that runs, and what it prints. */
interface Program {
  readonly child: ChildProcess;
  /** Waits for a line that matches, from the first one that was not looked at yet, and gives its first group. */
  line(pattern: RegExp): Promise<string>;
}

const running = new Set<ChildProcess>();

function run(example: string, ...args: readonly string[]): Program {
  const child = spawn(process.execPath, [join(projectRoot, 'examples', example), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    child,
    async line(pattern) {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`${example} ended without a line like ${pattern}`);
        const found = pattern.exec(value);
        if (found !== null) return found[1] ?? '';
      }
    },
  };
}

async function stop({ child }: Program, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}

async function listenOn(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return String((server.address() as AddressInfo).port);
}

/** A port that nothing listens on. */
async function unusedPort(): Promise<string> {
  const server = createTcpServer();
  const port = await listenOn(server);
  server.close();
  return port;
}

async function digestOfPost(port: string, body: Buffer, agent: Agent): Promise<string> {
  const sending = request({ port, host: '127.0.0.1', method: 'POST', agent });
  sending.end(body);
  const [response] = (await once(sending, 'response')) as [AsyncIterable<Uint8Array>];
  return text(response);
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

for (const engine of ['yamux', 'websocket', 'spdy']) {
  describe(`a reverse tunnel over ${engine}`, { timeout: 60_000 }, () => {
    const http = createServer((req, res) => {
      void buffer(req).then((body) => res.end(sha256(body)));
    });
    // Answers only when its client has ended: a tunnel that loses half-closes never gets there.
    const echo = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => {});
      const chunks: Buffer[] = [];
      socket.on('data', (chunk) => chunks.push(chunk));
      socket.on('end', () => socket.end(Buffer.concat(chunks)));
    });
    /** Any at first; a server that comes back has the same. */
    let port = '0';
    let server: Program;
    let web: string;
    let raw: string;

    const startServer = async (): Promise<void> => {
      server = run('reverse-tunnel-server.js', port, 'web=0', 'raw=0');
      port = await server.line(/^agents: .*:(\d+)$/);
      web = await server.line(/^web: .*:(\d+)$/);
      raw = await server.line(/^raw: .*:(\d+)$/);
    };
    const startAgent = (name: string, to: string): Program =>
      run('reverse-tunnel-agent.js', `http://127.0.0.1:${port}`, name, to, engine);
    const here = async (...names: readonly string[]): Promise<void> => {
      for (const _name of names) await server.line(/^agent \w+ is here$/);
    };

    before(async () => {
      await Promise.all([listenOn(http), listenOn(echo)]);
    });
    afterEach(() => Promise.all([...running].map((child) => stop({ child } as Program))));
    after(() => {
      http.close();
      echo.close();
    });
    const portOf = (one: Server): string => String((one.address() as AddressInfo).port);

    it('carries HTTP requests, many at once, and half-closes', async () => {
      await startServer();
      startAgent('web', portOf(http));
      startAgent('raw', portOf(echo));
      await here('web', 'raw');
      const agent = new Agent({ keepAlive: true, maxSockets: 20 });
      const bodies = Array.from({ length: 100 }, (_, i) => randomBytes(i * 2000));
      const answers = await Promise.all(bodies.map((body) => digestOfPost(web, body, agent)));
      agent.destroy();
      assert.deepEqual(answers, bodies.map(sha256));
      const socket = connect({ port: Number(raw), host: '127.0.0.1', allowHalfOpen: true });
      const bytes = randomBytes(4 * 1024 * 1024);
      socket.end(bytes);
      assert.equal(sha256(await buffer(socket)), sha256(bytes));
    });

    it('resets clients when nothing listens behind the agent, or there is no agent', async () => {
      await startServer();
      const nothing = await unusedPort();
      startAgent('web', nothing);
      await here('web');
      for (const to of [web, raw]) {
        const socket = connect(Number(to), '127.0.0.1');
        socket.write('hello');
        const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
        assert.equal(error.code, 'ECONNRESET');
      }
    });

    it('breaks off what an agent carried when it is killed, and works again with a new one', async () => {
      await startServer();
      const first = startAgent('raw', portOf(echo));
      await here('raw');
      const broken = connect({ port: Number(raw), host: '127.0.0.1', allowHalfOpen: true });
      const ended = once(broken, 'error') as Promise<[NodeJS.ErrnoException]>;
      broken.write('half a question');
      await once(echo, 'connection');
      await stop(first);
      assert.equal((await ended)[0].code, 'ECONNRESET');
      await server.line(/^agent raw is gone/);
      startAgent('raw', portOf(echo));
      await here('raw');
      const socket = connect({ port: Number(raw), host: '127.0.0.1', allowHalfOpen: true });
      socket.end('whole');
      assert.equal(await text(socket), 'whole');
    });

    it('comes back when the server was gone', async () => {
      await startServer();
      const agent = startAgent('web', portOf(http));
      await here('web');
      await stop(server);
      await agent.line(/^connection lost/);
      await agent.line(/^no connection: .*ECONNREFUSED/);
      await startServer();
      await agent.line(/^connected/);
      const keepNone = new Agent();
      assert.equal(await digestOfPost(web, Buffer.from('x'), keepNone), sha256(Buffer.from('x')));
    });
  });
}

describe('a reverse tunnel', { timeout: 60_000 }, () => {
  afterEach(() => Promise.all([...running].map((child) => stop({ child } as Program))));

  it('keeps out agents with another secret', async () => {
    const server = run('reverse-tunnel-server.js', '0', 'web=0');
    const port = await server.line(/^agents: .*:(\d+)$/);
    process.env['TUNNEL_SECRET'] = 'guessed';
    const agent = run('reverse-tunnel-agent.js', `http://127.0.0.1:${port}`, 'web', '9');
    delete process.env['TUNNEL_SECRET'];
    await agent.line(/^no connection: .*401 wrong secret/);
  });
});
