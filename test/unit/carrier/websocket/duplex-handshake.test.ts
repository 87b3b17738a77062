import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { acceptDuplexNow, dialWebSocketDuplex } from '../../../../src/carrier/websocket/index.js';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { UpgradeFailureError } from '../../../../src/httpstream/index.js';
import { TUNNEL, duplexPair, duplexServer, listen } from './duplex-support.js';

/** The head of a raw answer to a request for these subprotocols. */
async function rawAnswer(port: number, protocols: string | undefined, more = ''): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const offer = protocols === undefined ? '' : `Sec-WebSocket-Protocol: ${protocols}\r\n`;
  socket.write(
    'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
      `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${offer}${more}\r\n`,
  );
  const [data] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  return data.toString();
}

describe('a byte stream is negotiated by subprotocol', () => {
  it('with names that are no tokens, between our ends', async (t) => {
    const { client, server } = await duplexPair(t);
    assert.equal(client.protocol, TUNNEL);
    assert.equal(server.protocol, TUNNEL);
    client.duplex.write('hello');
    assert.equal(String((await once(server.duplex, 'data'))[0]), 'hello');
  });

  it('and for a foreign client; the answer of RFC 6455, 1.3', async (t) => {
    const { port } = await duplexServer(t);
    const head = await rawAnswer(port, TUNNEL);
    assert.match(head, /^HTTP\/1\.1 101 /);
    assert.match(head, /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    assert.ok(head.includes(`\r\nSec-WebSocket-Protocol: ${TUNNEL}\r\n`));
  });

  it("the client's first that is known wins", async (t) => {
    const { client } = await duplexPair(t, { protocols: ['b', 'a'] }, { protocols: ['x', 'a', 'b'] });
    assert.equal(client.protocol, 'a');
  });

  for (const [name, protocols, status] of [
    ['an unknown one', 'other', 403],
    ['none', undefined, 403],
    ['a bearer token alone', 'base64url.bearer.authorization.k8s.io.dG9rZW4', 403],
  ] as const) {
    it(`${name} is refused with ${status}`, async (t) => {
      const { port, accepted } = await duplexServer(t);
      assert.match(await rawAnswer(port, protocols), new RegExp(`^HTTP/1\\.1 ${status} `));
      await assert.rejects(accepted, UpgradeFailureError);
    });
  }

  it('a refusal reaches the client with status and message', async (t) => {
    const { url } = await duplexServer(t, { verify: () => ({ code: 401, message: 'who are you?' }) });
    await assert.rejects(dialWebSocketDuplex({ url }, { protocols: [TUNNEL] }), (error) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.equal(error.statusCode, 401);
      assert.match(error.message, /who are you/);
      return true;
    });
  });

  it('a check that throws is a 500', async (t) => {
    const { url } = await duplexServer(t, {
      verify: () => {
        throw new Error('secret');
      },
    });
    await assert.rejects(dialWebSocketDuplex({ url }, { protocols: [TUNNEL] }), (error) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.equal(error.statusCode, 500);
      assert.doesNotMatch(error.body ?? '', /secret/);
      return true;
    });
  });

  it('headers go both ways', async (t) => {
    const { url } = await listen(t, (req, socket, head) => {
      const { duplex } = acceptDuplexNow(
        req,
        socket,
        head,
        { protocols: [TUNNEL], headers: { 'X-Seen': req.headers['x-stream-protocol-version'] ?? 'nothing' } },
        () => undefined,
      );
      duplex.resume();
    });
    const { duplex, headers } = await dialWebSocketDuplex({ url, protocols: ['v5', 'v4'] }, { protocols: [TUNNEL] });
    assert.equal(headers['x-seen'], 'v5, v4');
    assert.equal(headers['sec-websocket-protocol'], TUNNEL);
    duplex.destroy();
  });

  it('unusable options are told before anything is sent, or answered with 500', async (t) => {
    for (const protocols of [[], ['a', 'a'], ['a,b'], ['a b'], ['a\r\nX: y'], ['ä']]) {
      const dialled = dialWebSocketDuplex({ url: 'http://127.0.0.1:1/' }, { protocols });
      await assert.rejects(dialled, InvalidArgumentError);
    }
    for (const headers of [{ 'Sec-WebSocket-Accept': 'x' }, { Upgrade: 'x' }, { 'X-Y': 'ĉ' }]) {
      const { port, accepted } = await duplexServer(t, { headers });
      assert.match(await rawAnswer(port, TUNNEL), /^HTTP\/1\.1 500 /);
      await assert.rejects(accepted, InvalidArgumentError);
    }
  });

  it('bytes behind the request belong to the stream', async (t) => {
    const { port, accepted } = await duplexServer(t);
    const frame = Buffer.of(0x82, 0x82, 0, 0, 0, 0, 0x68, 0x69).toString('latin1');
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    socket.write(
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${TUNNEL}\r\n\r\n${frame}`,
      'latin1',
    );
    const { duplex } = await accepted;
    assert.equal(String((await once(duplex, 'data'))[0]), 'hi');
    duplex.destroy();
  });
});

describe('a client believes only a valid answer', () => {
  const ACCEPT = 'Sec-WebSocket-Accept: %';
  for (const [name, lines] of [
    ['no subprotocol', [ACCEPT]],
    ['another subprotocol', [ACCEPT, 'Sec-WebSocket-Protocol: other']],
    ['two subprotocols', [ACCEPT, `Sec-WebSocket-Protocol: ${TUNNEL}`, `Sec-WebSocket-Protocol: ${TUNNEL}`]],
    ['a wrong accept', ['Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=', `Sec-WebSocket-Protocol: ${TUNNEL}`]],
    ['no accept', [`Sec-WebSocket-Protocol: ${TUNNEL}`]],
    ['an extension', [ACCEPT, `Sec-WebSocket-Protocol: ${TUNNEL}`, 'Sec-WebSocket-Extensions: permessage-deflate']],
  ] as const) {
    it(name, async (t) => {
      const { url } = await listen(t, (req, socket) => answer(req, socket, lines));
      await assert.rejects(dialWebSocketDuplex({ url }, { protocols: [TUNNEL] }), (error) => {
        assert.ok(error instanceof UpgradeFailureError);
        assert.equal(error.statusCode, 101);
        return true;
      });
    });
  }

  it('and takes that', async (t) => {
    const { url } = await listen(t, (req, socket) =>
      answer(req, socket, [ACCEPT, `Sec-WebSocket-Protocol: ${TUNNEL}`]),
    );
    const { duplex, protocol } = await dialWebSocketDuplex({ url }, { protocols: [TUNNEL] });
    assert.equal(protocol, TUNNEL);
    duplex.destroy();
  });
});

/** `%` stands for the right accept value. */
function answer(req: IncomingMessage, socket: Duplex, lines: readonly string[]): void {
  socket.on('error', () => {});
  const accept = createHash('sha1')
    .update(`${req.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', ...lines];
  socket.write(`${head.join('\r\n').replace('%', accept)}\r\n\r\n`);
}
