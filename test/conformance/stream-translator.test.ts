import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { PassThrough, Writable } from 'node:stream';
import { WebSocket } from 'ws';
import { streamTranslator, type StreamTranslatorOptions } from '../../src/proxy/index.js';
import {
  ExecError,
  attach,
  exec,
  remoteCommandHandler,
  type RemoteCommandSession,
  type RunRemoteCommand,
  type TerminalSize,
} from '../../src/remotecommand/index.js';
import { SpdyResponseUpgrader } from '../../src/spdy/index.js';
import {
  parseResponse,
  rawBackend,
  rawClient,
  serve,
  settle,
  statusMessage,
  until,
  upgradeText,
  type Front,
} from '../support/proxy.js';

// apiserver pkg/util/proxy/streamtranslator_test.go, translatinghandler_test.go.

const V5 = 'v5.channel.k8s.io';
const WS = { command: ['x'], transport: 'websocket' } as const;

interface Translated extends Front {
  /** `Upgrade` of each request that the backend got. */
  readonly upgrades: readonly string[];
  readonly backend: Front;
  readonly errors: readonly unknown[];
}

/** A translator in front of a backend that speaks SPDY alone. */
async function translator(
  t: TestContext,
  run: RunRemoteCommand,
  options: Partial<StreamTranslatorOptions> = {},
): Promise<Translated> {
  const upgrades: string[] = [];
  const errors: unknown[] = [];
  const handle = remoteCommandHandler(run, { webSocket: false });
  const backend = await serve(t, {
    handleUpgrade: (req, socket, head) => {
      upgrades.push(req.headers.upgrade ?? '');
      handle(req, socket, head);
    },
  });
  const front = await serve(t, {
    handleUpgrade: streamTranslator({
      target: backend.url,
      useRequestLocation: true,
      onError: (error) => errors.push(error),
      ...options,
    }),
  });
  return { ...front, upgrades, backend, errors };
}

/** stdin to stdout, or to stderr, or to both. */
function copyTo(...names: ('stdout' | 'stderr')[]): RunRemoteCommand {
  return async (session) => {
    for await (const chunk of session.stdin ?? []) {
      for (const name of names) {
        const sink = session[name];
        if (sink?.write(chunk) === false) await once(sink, 'drain');
      }
    }
    return 0;
  };
}

async function gone(front: Translated): Promise<void> {
  await until(() => front.sockets.size === 0 && front.backend.sockets.size === 0);
}

describe('TestStreamTranslator', () => {
  it('LoopbackStdinToStdout: 1 MiB', async (t) => {
    const proxy = await translator(t, copyTo('stdout'));
    const sent = randomBytes(1024 * 1024);
    const stdout = new PassThrough({ highWaterMark: 2 * sent.length });
    const result = await exec(`${proxy.url}/exec`, { ...WS, stdin: sent, stdout });
    assert.ok(sent.equals(stdout.read(sent.length) as Buffer));
    assert.deepEqual([result.exitCode, result.transport, result.protocol], [0, 'websocket', V5]);
    assert.deepEqual(result.status, { metadata: {}, status: 'Success' });
    assert.deepEqual(proxy.upgrades, ['SPDY/3.1']);
    await gone(proxy);
  });

  it('LoopbackStdinToStderr', async (t) => {
    const proxy = await translator(t, copyTo('stderr'));
    const { stdout, stderr } = await exec(`${proxy.url}/exec`, { ...WS, stdin: 'to stderr' });
    assert.deepEqual([stdout, stderr], ['', 'to stderr']);
  });

  for (const exitCode of [1, 7, 127, 255]) {
    it(`ErrorStream: exit code ${exitCode}`, async (t) => {
      const proxy = await translator(t, () => exitCode);
      const result = await exec(`${proxy.url}/exec`, { ...WS, stdin: 'unread' });
      assert.equal(result.exitCode, exitCode);
      assert.equal(result.status?.reason, 'NonZeroExitCode');
      await gone(proxy);
    });
  }

  it('ErrorStream: a failure of the runtime', async (t) => {
    const proxy = await translator(t, () => new Error('no such container'));
    await assert.rejects(exec(`${proxy.url}/exec`, WS), (error: Error) => {
      assert.ok(error instanceof ExecError);
      assert.equal(error.status.code, 500);
      assert.match(error.message, /no such container/);
      return true;
    });
    await gone(proxy);
  });

  it('MultipleReadChannels', async (t) => {
    const proxy = await translator(t, copyTo('stdout', 'stderr'));
    const sent = randomBytes(512 * 1024);
    const outputs = [0, 1].map(() => new PassThrough({ highWaterMark: 2 * sent.length }));
    const [stdout, stderr] = outputs;
    assert.ok(stdout && stderr);
    await exec(`${proxy.url}/exec`, { ...WS, stdin: sent, stdout, stderr });
    for (const output of outputs) assert.ok(sent.equals(output.read(sent.length) as Buffer));
  });

  it('ThrottleReadChannels: a rate cap delays, and loses nothing', async (t) => {
    const sent = randomBytes(96 * 1024);
    const proxy = await translator(t, copyTo('stdout', 'stderr'), { maxBytesPerSecond: 900 * 1024 });
    const outputs = [0, 1].map(() => new PassThrough({ highWaterMark: 2 * sent.length }));
    const [stdout, stderr] = outputs;
    assert.ok(stdout && stderr);
    const { exitCode } = await exec(`${proxy.url}/exec`, { ...WS, stdin: sent, stdout, stderr });
    assert.equal(exitCode, 0);
    for (const output of outputs) assert.ok(sent.equals(output.read(sent.length) as Buffer));
  });

  it('TTYResizeChannel: 10,000 sizes arrive, each of them, in order', async (t) => {
    const sizes = Array.from({ length: 10_000 }, (_, i) => ({ Width: (i * 7) % 65_536, Height: (i * 31) % 65_536 }));
    let text = '';
    const upgrader = new SpdyResponseUpgrader();
    const backend = await serve(t, {
      handleUpgrade: (req, socket, head) => {
        upgrader.upgradeResponse(
          req,
          socket,
          head,
          (stream) => {
            stream.setEncoding('utf8');
            if (stream.headers.get('streamtype') === 'resize') stream.on('data', (chunk: string) => (text += chunk));
            else stream.resume();
          },
          { 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' },
        );
      },
    });
    const proxy = await serve(t, { handleUpgrade: streamTranslator({ target: backend.url }) });
    const webSocket = new WebSocket(`${proxy.url}/exec?stdin=true&tty=true&command=sh`, [V5]);
    t.after(() => webSocket.terminate());
    await once(webSocket, 'open');
    for (const size of sizes) webSocket.send(Buffer.concat([Buffer.of(4), Buffer.from(`${JSON.stringify(size)}\n`)]));
    await until(() => text.split('\n').length > sizes.length);
    assert.deepEqual(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
      sizes,
    );
  });

  it('a terminal: sizes reach the command, there is no stderr', async (t) => {
    const seen: TerminalSize[] = [];
    let session: RemoteCommandSession | undefined;
    const proxy = await translator(t, async (given) => {
      session = given;
      for await (const size of given.resizes) {
        seen.push(size);
        if (seen.length === 2) return 0;
      }
      return 1;
    });
    const sizes = async function* (): AsyncGenerator<TerminalSize> {
      yield { width: 80, height: 24 };
      await until(() => seen.length === 1);
      yield { width: 132, height: 43 };
      await new Promise(() => {});
    };
    const { exitCode } = await exec(`${proxy.url}/exec`, { ...WS, tty: true, stdin: '', resizes: sizes() });
    assert.equal(exitCode, 0);
    assert.deepEqual(seen, [
      { width: 80, height: 24 },
      { width: 132, height: 43 },
    ]);
    assert.deepEqual([session?.tty, session?.stderr], [true, undefined]);
  });

  it('WebSocketServerErrors: v4 alone is not translated, the SPDY backend refuses it', async (t) => {
    const proxy = await translator(t, () => 0);
    const webSocket = new WebSocket(`${proxy.url}/exec?stdout=true&command=x`, ['v4.channel.k8s.io']);
    const [, response] = (await once(webSocket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 400);
    webSocket.on('error', () => {});
    webSocket.terminate();
    assert.deepEqual(proxy.upgrades, ['websocket']);
    await gone(proxy);
  });

  for (const code of [301, 302, 303, 307, 308]) {
    it(`BlockRedirects: statusCode=${code}`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => {
        socket.write(`HTTP/1.1 ${code} Moved\r\nLocation: /\r\nContent-Length: 0\r\n\r\n`);
      });
      const proxy = await serve(t, { handleUpgrade: streamTranslator({ target: backend.url }) });
      await assert.rejects(exec(`${proxy.url}/exec`, WS), /redirect not allowed/);
      assert.equal(backend.connections.length, 1);
      await until(() => proxy.sockets.size === 0 && backend.connections[0]?.over() === true);
    });
  }
});

describe('TestTranslatingHandler', () => {
  const cases: readonly (readonly [upgrade: string, version: string, translated: boolean])[] = [
    ['websocket', V5, true],
    ['WebSocket', V5, true],
    ['websocket', 'v5.channel.k8s.io, v4.channel.k8s.io, v3.channel.k8s.io', true],
    ['websocket', 'v4.channel.k8s.io, v3.channel.k8s.io, v5.channel.k8s.io', true],
    ['websocket', 'v5.CHANNEL.k8s.io', false],
    ['SPDY/3.1', V5, false],
    ['SPDY/3.1', 'v4.channel.k8s.io', false],
    ['websocket', 'v4.channel.k8s.io', false],
    ['websocket', '', false],
  ];
  for (const [upgrade, version, translated] of cases) {
    it(`${upgrade} with ${version === '' ? 'no version' : version}: ${translated ? 'translated' : 'passed on'}`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => {
        socket.write('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n');
      });
      const proxy = await serve(t, {
        handleUpgrade: streamTranslator({ target: backend.url, useRequestLocation: true }),
      });
      const fields = {
        Upgrade: upgrade,
        'Sec-WebSocket-Version': '13',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        ...(version === '' ? {} : { 'Sec-WebSocket-Protocol': version }),
        'X-Mine': 'yes',
      };
      const client = await rawClient(t, proxy.port, upgradeText(fields, 'GET /exec?stdout=1&command=a%20b HTTP/1.1'));
      const answer = await client.received('\r\n\r\n');
      await until(() => backend.connections[0]?.over() === true);
      const asked = backend.connections[0]?.text() ?? '';
      assert.match(asked, /^(?:GET|POST) \/exec\?stdout=1&command=a%20b HTTP\/1\.1\r\n/);
      assert.match(asked, /\r\nx-mine: yes\r\n/i);
      assert.match(asked, /\r\nx-forwarded-for: 127\.0\.0\.1\r\n/i);
      if (translated) {
        assert.equal(parseResponse(answer).code, 101);
        assert.match(answer, /\r\nSec-WebSocket-Protocol: v5\.channel\.k8s\.io\r\n/);
        assert.match(asked, /^POST /);
        assert.match(asked, /\r\nupgrade: SPDY\/3\.1\r\n/i);
        assert.doesNotMatch(asked, /sec-websocket/i);
        assert.match(asked, /\r\nx-stream-protocol-version: v4\.channel\.k8s\.io\r\n/i);
      } else {
        assert.equal(parseResponse(answer).code, 418);
        assert.match(asked, /^GET /);
        assert.match(asked, new RegExp(`\r\nUpgrade: ${upgrade}\r\n`));
      }
    });
  }
});

describe('the translator', () => {
  it('accepts the WebSocket before it dials, and tells failures afterwards', async (t) => {
    const status = '{"kind":"Status","status":"Failure","message":"pods \\"p\\" is forbidden","code":403}';
    const http = (code: number, body: string): string =>
      `HTTP/1.1 ${code} X\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const answers: Readonly<Record<string, readonly [answer: string, expected: RegExp]>> = {
      'a Status': [http(403, status), /^pods "p" is forbidden$/],
      text: [http(500, 'broken'), /Internal error occurred: .*500 broken/],
      nothing: ['', /Internal error occurred: .*closed the connection before it answered/],
      'not HTTP': ['SPDY\r\n\r\n', /Internal error occurred: .*did not answer in HTTP/],
      'half a header': ['HTTP/1.1 101 Switching Protocols\r\nConn', /Internal error occurred: .*closed the connection/],
    };
    for (const [name, [answer, expected]] of Object.entries(answers)) {
      const backend = await rawBackend(t, ({ socket }) => socket.end(answer));
      const proxy = await serve(t, { handleUpgrade: streamTranslator({ target: backend.url }) });
      const failed = exec(`${proxy.url}/exec`, { ...WS, stdin: 'secret input' });
      await assert.rejects(failed, (error: Error) => {
        assert.ok(error instanceof ExecError, name);
        assert.match(error.message, expected, name);
        return true;
      });
      assert.doesNotMatch(backend.connections[0]?.text() ?? '', /secret/);
      await until(() => proxy.sockets.size === 0 && backend.connections[0]?.over() === true);
    }
  });

  it('gives a backend that does not answer upgradeTimeout, and one that cannot be reached no time at all', async (t) => {
    const backend = await rawBackend(t, () => {});
    const slow = streamTranslator({ target: backend.url, limits: { upgradeTimeout: 40 } });
    const proxy = await serve(t, { handleUpgrade: slow });
    await assert.rejects(exec(`${proxy.url}/exec`, WS), /Internal error occurred: no answer from .* within 40 ms/);
    const errors: unknown[] = [];
    const nowhere = streamTranslator({ target: 'http://127.0.0.1:1', onError: (error) => errors.push(error) });
    const other = await serve(t, { handleUpgrade: nowhere });
    await assert.rejects(exec(`${other.url}/exec`, WS), /Internal error occurred: .*ECONNREFUSED/);
    assert.equal(errors.length, 1);
    await until(() => proxy.sockets.size === 0 && other.sockets.size === 0 && backend.connections[0]?.over() === true);
  });

  it('reports a backend that goes in the middle', async (t) => {
    const upgrader = new SpdyResponseUpgrader();
    const backend = await serve(t, {
      handleUpgrade: (req, socket, head) => {
        upgrader.upgradeResponse(
          req,
          socket,
          head,
          (stream) => {
            stream.resume();
            if (stream.headers.get('streamtype') === 'stdout') stream.write('half', () => socket.destroy());
          },
          { 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' },
        );
      },
    });
    const proxy = await serve(t, { handleUpgrade: streamTranslator({ target: backend.url }) });
    const chunks: Buffer[] = [];
    const stdout = new Writable({
      write(chunk: Buffer, _encoding, callback) {
        chunks.push(chunk);
        callback();
      },
    });
    const failed = exec(`${proxy.url}/exec`, { ...WS, stdout, stderr: false });
    await assert.rejects(failed, ExecError);
    await until(() => proxy.sockets.size === 0 && backend.sockets.size === 0);
  });

  it('ends the session of a caller that goes', async (t) => {
    let session: RemoteCommandSession | undefined;
    const proxy = await translator(t, async (given) => {
      session = given;
      await once(given.signal, 'abort');
    });
    const controller = new AbortController();
    const running = exec(`${proxy.url}/exec`, { ...WS, stdin: new PassThrough(), signal: controller.signal });
    running.catch(() => {});
    await until(() => session !== undefined);
    controller.abort(new Error('enough'));
    await assert.rejects(running, /enough/);
    await until(() => session?.signal.aborted === true);
    await gone(proxy);
    assert.deepEqual(proxy.errors, []);
  });

  it('serves attach, and half-closes stdin', async (t) => {
    const proxy = await translator(t, copyTo('stdout'));
    const { stdout } = await attach(`${proxy.url}/attach`, { transport: 'websocket', stdin: 'abc' });
    assert.equal(stdout, 'abc');
  });

  it('holds the backend up while the caller does not read', async (t) => {
    let taken = 0;
    const proxy = await translator(t, async ({ stdout, signal }) => {
      const piece = Buffer.alloc(64 * 1024);
      while (!signal.aborted && taken < 256 * 1024 * 1024) {
        taken += piece.length;
        if (stdout?.write(piece) === false) await Promise.race([once(stdout, 'drain'), once(signal, 'abort')]);
      }
    });
    const webSocket = new WebSocket(`${proxy.url}/exec?stdout=true&command=x`, [V5]);
    t.after(() => webSocket.terminate());
    await once(webSocket, 'open');
    webSocket.pause();
    await until(() => taken > 0);
    let before = -1;
    while (before !== taken) {
      before = taken;
      await settle();
    }
    assert.ok(taken < 64 * 1024 * 1024, `${taken} bytes were taken`);
    webSocket.terminate();
    await gone(proxy);
  });

  it('refuses a request that asks for no stream, or that is no WebSocket request after all', async (t) => {
    const proxy = await translator(t, () => 0);
    const fields = { Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Protocol': V5 };
    const none = await rawClient(t, proxy.port, upgradeText(fields, 'GET /exec?command=x HTTP/1.1'));
    assert.match(statusMessage(await none.closed), /at least 1 of stdin, stdout, stderr/);
    const keyless = await rawClient(t, proxy.port, upgradeText(fields, 'GET /exec?stdout=1 HTTP/1.1'));
    assert.equal(parseResponse(await keyless.closed).code, 400);
    await gone(proxy);
    assert.deepEqual(proxy.upgrades, []);
  });

  it('does not wait for a caller that sends its streams at once', async (t) => {
    const proxy = await translator(t, copyTo('stdout'));
    const frame = (payload: Buffer): Buffer =>
      Buffer.concat([Buffer.of(0x82, 0x80 | payload.length, 0, 0, 0, 0), payload]);
    const fields = {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': V5,
    };
    const early = Buffer.concat([frame(Buffer.from('\0early')), frame(Buffer.of(255, 0))]);
    const text = upgradeText(fields, 'GET /exec?stdin=1&stdout=1&command=x HTTP/1.1');
    const client = await rawClient(t, proxy.port, Buffer.concat([Buffer.from(text), early]));
    await client.received('\u0001early');
    await client.received('"status":"Success"');
  });
});
