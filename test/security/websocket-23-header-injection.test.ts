// Row 23: CR, LF and NUL in every field that we write by hand; refused before a byte is sent.
import assert from 'node:assert/strict';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { InvalidArgumentError } from '../../src/errors/index.js';
import { dialChannels, type ChannelOptions, type ChannelRequest } from '../../src/websocket/index.js';
import { CLIENT, V5, channelServer, listen } from '../conformance/channel-support.js';

const BREAKS = ['\r', '\n', '\0', '\r\nX-Injected: 1'];

describe('header injection', () => {
  for (const bad of BREAKS) {
    const cases: readonly (readonly [string, Partial<ChannelRequest>, Partial<ChannelOptions>])[] = [
      ['a subprotocol', {}, { protocols: [`v5${bad}`] }],
      ['a header name', { headers: { [`x${bad}`]: '1' } }, {}],
      ['a header value', { headers: { x: `1${bad}` } }, {}],
      ['the Host header', { headers: { Host: `a${bad}` } }, {}],
      ['the path of the address', { url: `http://a/p${bad}` }, {}],
      ['the host of the address', { url: `http://a${bad}/` }, {}],
      ['the query of the address', { url: `http://a/?command=${bad}` }, {}],
    ];
    for (const [field, request, options] of cases) {
      it(`${JSON.stringify(bad)} in ${field} throws before dialling`, async () => {
        let dialled = false;
        const dialer = (): Promise<Duplex> => {
          dialled = true;
          return Promise.reject(new Error('dialled'));
        };
        const attempt = dialChannels({ url: 'http://a/', dialer, ...request }, { ...CLIENT, ...options });
        await assert.rejects(attempt, InvalidArgumentError);
        assert.equal(dialled, false);
      });
    }
  }

  it('credentials with breaks are encoded, not written', async (t) => {
    const seen: (string | undefined)[] = [];
    const { port } = await listen(t, (req, socket) => {
      seen.push(req.headers.authorization, String(req.headers['x-injected']));
      socket.end('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n');
    });
    await assert.rejects(dialChannels({ url: `http://u%0d%0aX-Injected:%201:p@127.0.0.1:${port}/` }, CLIENT));
    const credentials = Buffer.from('u\r\nX-Injected: 1:p').toString('base64');
    assert.deepEqual(seen, [`Basic ${credentials}`, 'undefined']);
  });

  it('the headers of the handshake cannot be overridden', async () => {
    for (const name of ['Connection', 'Upgrade', 'Sec-WebSocket-Key', 'Sec-WebSocket-Protocol', 'Content-Length']) {
      const attempt = dialChannels({ url: 'http://127.0.0.1:1/', headers: { [name]: 'x' } }, CLIENT);
      await assert.rejects(attempt, InvalidArgumentError);
    }
  });

  it('a server answers 500 rather than write a subprotocol that is no token', async (t) => {
    const { url, accepted } = await channelServer(t, { protocols: ['a\r\nb'] });
    await assert.rejects(dialChannels({ url }, { ...CLIENT, protocols: [V5] }), { statusCode: 500 });
    await assert.rejects(accepted, InvalidArgumentError);
  });

  it('no error shows credentials: of the address, of headers, of bearer subprotocols', async (t) => {
    const secret = 'aHVudGVyMg';
    const { port } = await listen(t, (_req, socket) => socket.end('HTTP/1.1 401 X\r\nContent-Length: 0\r\n\r\n'));
    const protocols = [V5, `base64url.bearer.authorization.k8s.io.${secret}`];
    for (const to of [port, 1]) {
      const url = `http://user:${secret}@127.0.0.1:${to}/?token=${secret}`;
      const headers = { Cookie: secret };
      await assert.rejects(dialChannels({ url, headers }, { ...CLIENT, protocols }), (error: Error) => {
        return !`${error.stack} ${JSON.stringify(error)} ${String(error.cause)}`.includes(secret);
      });
    }
  });
});
