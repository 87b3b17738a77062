// TestBase64Conn and TestVersionedConn of apimachinery httpstream/wsstream/conn_test.go, and the subprotocols of exec that
// are base64 (cri-streaming remotecommand/websocket.go).
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { InvalidArgumentError } from '../../src/errors/index.js';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { dialChannels, type ChannelMode } from '../../src/websocket/index.js';
import {
  CLIENT_MODES,
  SERVER,
  V4,
  V5,
  channelServer,
  foreignClient,
  foreignServer,
  listen,
  pair,
} from './channel-support.js';

const BASE64 = 'base64.channel.k8s.io';
const V4_BASE64 = 'v4.base64.channel.k8s.io';
const PROTOCOLS = [...SERVER.protocols, V4_BASE64, BASE64];

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('wsstream conn_test, base64', () => {
  for (const protocol of [BASE64, V4_BASE64]) {
    it(`TestBase64Conn: ${protocol}, both ways`, async (t) => {
      const { url, accepted } = await channelServer(t, {
        protocols: PROTOCOLS,
        channels: ['duplex', 'duplex', 'ignore'],
      });
      const peer = await foreignClient(t, url, [protocol]);
      const connection = await accepted;
      assert.equal(connection.protocol, protocol);
      peer.send(`0${base64('client')}`);
      assert.equal(String(((await once(connection.channel(0), 'data')) as [Buffer])[0]), 'client');
      connection.channel(1).write('server');
      const [message, binary] = (await once(peer, 'message')) as [Buffer, boolean];
      assert.deepEqual([message.toString(), binary], [`1${base64('server')}`, false]);
      // The original reads binary frames as well.
      peer.send(Buffer.from(`1${base64('binary')}`));
      assert.equal(String(((await once(connection.channel(1), 'data')) as [Buffer])[0]), 'binary');
    });
  }

  it('a message that cannot be decoded is skipped; the connection goes on', async (t) => {
    const { url, accepted } = await channelServer(t, { protocols: PROTOCOLS });
    const peer = await foreignClient(t, url, [BASE64]);
    const connection = await accepted;
    for (const wrong of ['0not base64', '0Zg', '0Zm9-', '', '0', `7${base64('no such channel')}`, `\0${base64('x')}`]) {
      peer.send(wrong);
    }
    peer.send(`0${base64('right')}`);
    assert.equal(String(((await once(connection.channel(0), 'data')) as [Buffer])[0]), 'right');
  });

  it('more messages that cannot be decoded than the budget has: the connection is closed', async (t) => {
    const limits = { emptyFrameBurst: 10, emptyFramesPerSecond: 0 };
    const { url, accepted } = await channelServer(t, { protocols: PROTOCOLS, limits, clock: new VirtualClock() });
    const peer = await foreignClient(t, url, [BASE64]);
    const connection = await accepted;
    for (let count = 0; count < 11; count++) peer.send('0?');
    assert.equal(((await once(peer, 'close')) as [number])[0], 1008);
    const { error } = await connection.closed;
    assert.deepEqual([error?.message], ['the peer sends too many messages that carry nothing']);
  });

  it('text that is no UTF-8 closes the WebSocket', async (t) => {
    const { url, accepted } = await channelServer(t, { protocols: PROTOCOLS });
    const peer = await foreignClient(t, url, [BASE64]);
    await accepted;
    peer.send(Buffer.of(0x30, 0xff, 0xfe), { binary: false });
    assert.equal(((await once(peer, 'close')) as [number])[0], 1007);
  });

  it('TestVersionedConn: base64 among the others, the first of the client', async (t) => {
    for (const [offered, chosen] of [
      [[BASE64, V4], BASE64],
      [[V4, BASE64], V4],
      [['v9.base64.channel.k8s.io', V4_BASE64, V5], V4_BASE64],
    ] as const) {
      const { url, accepted } = await channelServer(t, { protocols: PROTOCOLS });
      const peer = await foreignClient(t, url, offered);
      assert.deepEqual([peer.protocol, (await accepted).protocol], [chosen, chosen]);
    }
  });
});

describe('our client with base64', () => {
  it('speaks it with our server, whatever the sizes', async (t) => {
    const only = { protocols: [V4_BASE64] };
    for (const size of [1, 2, 3, 1023, 65_535, 65_536, 65_537, 1024 * 1024]) {
      const { server, client } = await pair(t, only, only);
      server.channel(0).pipe(server.channel(1));
      const data = randomBytes(size);
      client.channel(0).write(data);
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of client.channel(1)) {
        chunks.push(chunk as Buffer);
        length += (chunk as Buffer).length;
        if (length >= size) break;
      }
      assert.ok(Buffer.concat(chunks).equals(data), `size ${size}`);
    }
  });

  it('sends text, and no close signal', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, { protocols: [BASE64], channels: CLIENT_MODES, halfClose: () => true });
    const peer = await connected;
    const messages: [string, boolean][] = [];
    peer.on('message', (data, binary) => messages.push([String(data), binary]));
    client.channel(0).end('x');
    await client.close();
    assert.deepEqual(messages, [[`0${base64('x')}`, false]]);
  });

  it('fails on a binary message, as client-go does on text', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, { protocols: [BASE64], channels: CLIENT_MODES });
    (await connected).send(Buffer.from(`1${base64('x')}`));
    assert.equal((await client.closed).kind, 'protocol-error');
  });

  it('more channels than it can number are refused before anything is sent', async () => {
    const channels = Array.from({ length: 81 }, (): ChannelMode => 'duplex');
    const dialled = dialChannels({ url: 'http://127.0.0.1:1/' }, { protocols: [V5, BASE64], channels });
    await assert.rejects(dialled, InvalidArgumentError);
  });
});

/** A plain client that has listened from the start; what comes can come with the handshake. */
function plainClient(
  t: TestContext,
  url: string,
  protocol: string,
): { peer: WebSocket; messages: [Buffer, boolean][] } {
  const peer = new WebSocket(url, protocol === '' ? [] : [protocol], { perMessageDeflate: false });
  const messages: [Buffer, boolean][] = [];
  peer.on('message', (data, binary) => messages.push([data as Buffer, binary]));
  peer.on('error', () => {});
  t.after(() => peer.terminate());
  return { peer, messages };
}

/** Sends each text when the connection is open, and gives what came on each channel until the server closed. */
async function transcript(
  t: TestContext,
  url: string,
  protocol: string,
  ...send: readonly string[]
): Promise<{ code: number; texts: Record<string, string>; binary: boolean }> {
  const { peer, messages } = plainClient(t, url, protocol);
  peer.on('open', () => {
    for (const message of send) peer.send(message);
  });
  const [code] = (await once(peer, 'close')) as [number];
  const texts: Record<string, string> = {};
  for (const [message] of messages) {
    const channel = message.toString('latin1', 0, 1);
    texts[channel] = (texts[channel] ?? '') + Buffer.from(message.toString('latin1', 1), 'base64').toString();
  }
  return { code, texts, binary: messages.some(([, isBinary]) => isBinary) };
}

describe('exec over base64', () => {
  const query = '?command=x&stdin=true&stdout=true&stderr=true';

  it('v4: output in text messages, and the Status with the exit code', async (t) => {
    const protocols: string[] = [];
    const serve = remoteCommandHandler(async (session) => {
      protocols.push(session.protocol);
      session.stderr?.write('err');
      for await (const chunk of session.stdin ?? []) {
        session.stdout?.write(chunk);
        if (String(chunk).endsWith('\n')) break;
      }
      return 7;
    });
    const { url } = await listen(t, serve);
    const input = [`0${base64('in')}`, `0${base64('put\n')}`];
    const { code, texts, binary } = await transcript(t, `${url}${query}`, V4_BASE64, ...input);
    assert.deepEqual([code, binary, texts['1'], texts['2']], [1000, false, 'input\n', 'err']);
    const status = JSON.parse(texts['3'] ?? '') as { status: string; details: { causes: readonly object[] } };
    assert.deepEqual([status.status, status.details.causes], ['Failure', [{ reason: 'ExitCode', message: '7' }]]);
    assert.deepEqual(protocols, [V4_BASE64]);
  });

  it('v1: text on the error channel', async (t) => {
    const protocols: string[] = [];
    const serve = remoteCommandHandler((session) => {
      protocols.push(session.protocol);
      session.stdout?.write('out');
      return 3;
    });
    const { url } = await listen(t, serve);
    const { texts } = await transcript(t, `${url}${query}`, BASE64);
    assert.equal(texts['1'], 'out');
    assert.match(texts['3'] ?? '', /exit code 3/);
    assert.deepEqual(protocols, [BASE64]);
  });

  it('the terminal size comes on channel 4', async (t) => {
    let size: unknown;
    const serve = remoteCommandHandler(async (session) => {
      for await (const one of session.resizes) {
        size = one;
        break;
      }
      return 0;
    });
    const { url } = await listen(t, serve);
    const resize = `4${base64('{"Width":80,"Height":24}\n')}`;
    await transcript(t, `${url}?command=x&stdout=true&tty=true`, V4_BASE64, resize);
    assert.deepEqual(size, { width: 80, height: 24 });
  });

  it('the server takes every subprotocol of the kubelet, and announces itself in its way', async (t) => {
    const { url } = await listen(
      t,
      remoteCommandHandler(async ({ stdin }) => {
        stdin?.resume();
        await new Promise(() => {});
      }),
    );
    for (const [protocol, ready, binary] of [
      ['', '\x01', true],
      ['channel.k8s.io', '\x01', true],
      [BASE64, '1', false],
      [V4, '\x01', true],
      [V4_BASE64, '1', false],
      [V5, '\x01', true],
    ] as const) {
      const { peer, messages } = plainClient(t, `${url}${query}`, protocol);
      await once(peer, 'message');
      assert.deepEqual(messages, [[Buffer.from(ready), binary]]);
      assert.equal(peer.protocol, protocol);
      peer.terminate();
    }
  });

  it('our exec client goes on offering v5 only', async (t) => {
    const offered: unknown[] = [];
    const serve = remoteCommandHandler(() => 0);
    const { url } = await listen(t, (req, socket, head) => {
      offered.push(req.headers['sec-websocket-protocol']);
      serve(req, socket, head);
    });
    assert.equal((await exec(url, { command: ['x'] })).protocol, V5);
    assert.deepEqual(offered, [V5]);
  });
});
