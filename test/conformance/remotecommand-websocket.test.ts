import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { exec, remoteCommandHandler, type RunRemoteCommand } from '../../src/remotecommand/index.js';
import { SUCCESS, exitStatus, listen, until, type UpgradeHandler } from './remotecommand-server.js';

const V5 = 'v5.channel.k8s.io';
const WS = { command: ['x'], transport: 'websocket' } as const;

/** A server that speaks the channel protocol by hand. */
function byHand(plan: (socket: WebSocket) => void, protocol = V5): UpgradeHandler {
  const server = new WebSocketServer({ noServer: true, handleProtocols: () => protocol });
  return (req, socket, head) => server.handleUpgrade(req, socket, head, plan);
}

function message(channel: number, payload: string | Buffer): Buffer {
  return Buffer.concat([Buffer.of(channel), Buffer.from(payload)]);
}

// client-go tools/remotecommand/websocket_test.go.
describe('remotecommand over WebSocket, client', () => {
  const toStdout: RunRemoteCommand = ({ stdin, stdout }) =>
    stdin && stdout ? pipeline(stdin, stdout).then(() => 0) : 1;
  const toStderr: RunRemoteCommand = ({ stdin, stderr }) =>
    stdin && stderr ? pipeline(stdin, stderr).then(() => 0) : 1;

  for (const kib of [1, 4, 64, 128]) {
    it(
      `TestWebSocketClient_LoopbackStdinToStdout, _DifferentBufferSizes: ${kib} KiB`,
      { timeout: 10_000 },
      async () => {
        await using server = await listen(remoteCommandHandler(toStdout));
        const sent = randomBytes(kib * 1024);
        const stdout = new PassThrough({ highWaterMark: 2 * sent.length });
        await exec(server.url, { ...WS, stdin: sent, stdout });
        assert.ok(sent.equals(stdout.read(sent.length) as Buffer));
      },
    );
  }

  it('TestWebSocketClient_LoopbackStdinAsPipe', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(toStdout));
    const stdin = new PassThrough();
    const running = exec(server.url, { ...WS, stdin });
    stdin.write('first ');
    await until(() => server.upgrades.length === 1);
    stdin.end('second');
    assert.equal((await running).stdout, 'first second');
  });

  it('TestWebSocketClient_LoopbackStdinToStderr', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(toStderr));
    const { stdout, stderr } = await exec(server.url, { ...WS, stdin: 'abc' });
    assert.deepEqual([stdout, stderr], ['', 'abc']);
  });

  it('TestWebSocketClient_MultipleReadChannels, _MultipleWriteChannels', { timeout: 10_000 }, async () => {
    const both: RunRemoteCommand = async ({ stdin, stdout, stderr, resizes }) => {
      for await (const size of resizes) {
        stdout?.write(JSON.stringify(size));
        break;
      }
      for await (const chunk of stdin ?? []) stdout?.write(chunk);
      assert.equal(stderr, undefined, 'a terminal has no stderr');
    };
    await using server = await listen(remoteCommandHandler(both));
    async function* sizes(): AsyncGenerator<{ width: number; height: number }> {
      yield { width: 1, height: 2 };
    }
    const { stdout } = await exec(server.url, { ...WS, stdin: 'abc', tty: true, resizes: sizes() });
    assert.equal(stdout, '{"width":1,"height":2}abc');
  });

  it('TestWebSocketClient_ErrorStream: exit code and Status', { timeout: 10_000 }, async () => {
    const status = { metadata: {}, status: 'Failure', message: 'no such container', reason: 'NotFound', code: 404 };
    await using server = await listen(remoteCommandHandler(() => status));
    await assert.rejects(exec(server.url, WS), { code: 'ERR_EXEC', message: 'no such container', status });
  });

  it('TestWebSocketClient_BadHandshake', { timeout: 10_000 }, async () => {
    await using refusing = await listen(remoteCommandHandler(() => 0, { webSocket: false }));
    await assert.rejects(exec(refusing.url, WS), { code: 'ERR_UPGRADE_FAILURE', statusCode: 400 });
    await using choosing = await listen(byHand(() => {}, 'v4.channel.k8s.io'));
    await assert.rejects(exec(choosing.url, WS), { code: 'ERR_UPGRADE_FAILURE' });
    await until(() => choosing.sockets.size === 0);
  });

  it('TestWebSocketClient_TextMessageTypeError: a text frame is fatal', { timeout: 10_000 }, async () => {
    await using server = await listen(byHand((socket) => socket.send('text')));
    await assert.rejects(exec(server.url, WS), { code: 'ERR_CONNECTION_LOST' });
    await until(() => server.sockets.size === 0);
  });

  it('a message without a channel is fatal', { timeout: 10_000 }, async () => {
    await using server = await listen(byHand((socket) => socket.send(Buffer.alloc(0))));
    await assert.rejects(exec(server.url, WS), { code: 'ERR_CONNECTION_LOST' });
    await until(() => server.sockets.size === 0);
  });

  it(
    'TestWebSocketClient_EmptyMessage: empty messages and unknown channels are passed over',
    { timeout: 10_000 },
    async () => {
      await using server = await listen(
        byHand((socket) => {
          socket.send(message(1, ''));
          socket.send(message(9, 'unknown'));
          socket.send(message(1, 'out'));
          socket.send(message(3, SUCCESS));
          socket.close(1000);
        }),
      );
      assert.equal((await exec(server.url, WS)).stdout, 'out');
    },
  );

  for (const [name, plan] of [
    ['a close with 1000', (socket: WebSocket) => socket.close(1000)],
    ['a close with 1011', (socket: WebSocket) => socket.close(1011)],
    ['no close', (socket: WebSocket) => socket.terminate()],
  ] as const) {
    it(`no Status and ${name} is a lost connection`, { timeout: 10_000 }, async () => {
      await using server = await listen(
        byHand((socket) => {
          socket.send(message(1, 'out'), () => plan(socket));
        }),
      );
      const stdout = new PassThrough();
      await assert.rejects(exec(server.url, { ...WS, stdout }), { code: 'ERR_CONNECTION_LOST' });
      assert.equal(String(stdout.read()), 'out', 'what had arrived was delivered');
    });
  }

  it('a Status in pieces, and no close after it', { timeout: 10_000 }, async () => {
    await using server = await listen(
      byHand((socket) => {
        for (const character of exitStatus(3)) socket.send(message(3, character));
        socket.send(message(3, ''), () => socket.terminate());
      }),
    );
    assert.equal((await exec(server.url, WS)).exitCode, 3);
  });

  it('stdin ends with ff 00, and an ended list of sizes sends nothing', { timeout: 10_000 }, async () => {
    const seen: string[] = [];
    await using server = await listen(
      byHand((socket) => {
        socket.on('message', (data: Buffer) => {
          seen.push(data.toString('latin1'));
          if (data[0] === 255) {
            socket.send(message(3, SUCCESS));
            socket.close(1000);
          }
        });
      }),
    );
    async function* sizes(): AsyncGenerator<{ width: number; height: number }> {
      yield { width: 1, height: 2 };
    }
    async function* stdin(): AsyncGenerator<string> {
      await until(() => seen.length === 1);
      yield 'abc';
    }
    await exec(server.url, { ...WS, tty: true, stdin: stdin(), resizes: sizes() });
    assert.deepEqual(seen, ['\x04{"Width":1,"Height":2}\n', '\0abc', '\xff\0']);
  });
});

describe('remotecommand over WebSocket, server', () => {
  interface Answer {
    readonly protocol: string;
    readonly messages: string[];
    readonly code: number;
  }

  async function talk(offered: string[], query: string, say: (socket: WebSocket) => void = () => {}): Promise<Answer> {
    const run: RunRemoteCommand = async ({ stdin, stdout, stderr }) => {
      for await (const chunk of stdin ?? []) stdout?.write(chunk);
      stderr?.write('e');
      return 7;
    };
    await using server = await listen(remoteCommandHandler(run));
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}?command=x&${query}`, offered);
    const messages: string[] = [];
    socket.on('message', (data: Buffer) => messages.push(data.toString('latin1')));
    socket.on('open', () => say(socket));
    const code = await new Promise<number>((resolve) => socket.once('close', resolve));
    return { protocol: socket.protocol, messages, code };
  }

  for (const [offered, protocol, isJson] of [
    [[V5], V5, true],
    [['v4.channel.k8s.io'], 'v4.channel.k8s.io', true],
    [[V5, 'v4.channel.k8s.io'], V5, true],
    [['unknown', 'v4.channel.k8s.io'], 'v4.channel.k8s.io', true],
    [['channel.k8s.io'], 'channel.k8s.io', false],
    [[], '', false],
  ] as const) {
    it(`TestWebSocketClient_ProtocolVersions: ${JSON.stringify(offered)}`, { timeout: 10_000 }, async () => {
      const answer = await talk([...offered], 'stderr=true');
      assert.equal(answer.protocol, protocol);
      assert.equal(answer.messages[0], '\x02', 'ready: an empty message on the first channel that is written');
      assert.equal(answer.messages[1], '\x02e');
      const report = answer.messages.at(-1) ?? '';
      assert.equal(report.startsWith('\x03'), true);
      assert.equal(report.includes('NonZeroExitCode'), isJson);
      assert.match(report, /exit code 7/);
      assert.equal(answer.code, 1000);
    });
  }

  it('ready goes to stdout first, else stderr, else the error channel', { timeout: 10_000 }, async () => {
    const end = (socket: WebSocket): void => socket.send(Buffer.of(255, 0));
    assert.equal((await talk([V5], 'stdout=true&stderr=true')).messages[0], '\x01');
    assert.equal((await talk([V5], 'stdin=true', end)).messages[0], '\x03');
  });

  it('stdin until the CLOSE signal, and never a CLOSE signal back', { timeout: 10_000 }, async () => {
    const { messages } = await talk([V5], 'stdin=true&stdout=true', (socket) => {
      socket.send(message(0, 'ab'));
      socket.send(message(0, 'c'));
      socket.send(Buffer.of(255, 0));
    });
    assert.equal(
      messages
        .filter((text) => text[0] === '\x01')
        .map((text) => text.slice(1))
        .join(''),
      'abc',
    );
    assert.equal(
      messages.some((text) => text[0] === '\xff'),
      false,
    );
  });

  it('a request for no stream is refused before the upgrade, with a Status', { timeout: 10_000 }, async () => {
    await using server = await listen(remoteCommandHandler(() => 0));
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}?command=x`, [V5]);
    const status = await new Promise((resolve, reject) => {
      socket.on('error', () => {});
      socket.on('unexpected-response', (_req, res) => {
        let body = '';
        res.on('data', (chunk) => (body += String(chunk)));
        res.on('end', () => resolve({ code: res.statusCode, status: JSON.parse(body) as { reason: string } }));
        res.on('error', reject);
      });
    });
    assert.deepEqual(status, {
      code: 400,
      status: {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: 'you must specify at least 1 of stdin, stdout, stderr',
        reason: 'BadRequest',
        code: 400,
      },
    });
    socket.terminate();
  });
});
