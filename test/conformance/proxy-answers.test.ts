// What proxies answer, and what is made of it (RFC 9110, 9.3.6; RFC 1928; RFC 1929).
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { ProxyError } from '../../src/index.js';
import { SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { headerLength, httpProxy, readUntil, socksProxy, splice, startProxy } from '../support/proxies.js';
import { checkEcho, failureOf, startEchoServer } from './proxy-support.js';

const SECRET = /hunter2|user|dXNlcjpodW50ZXIy/;

/** A proxy that answers every CONNECT with `answer`, and closes. */
async function answering(t: TestContext, answer: string | Buffer, close = true): Promise<string> {
  const onSocket = (socket: Duplex): void => {
    readUntil(socket, headerLength, () => {
      socket.write(answer);
      if (close) socket.end();
    });
  };
  return `http://user:hunter2@127.0.0.1:${(await startProxy(t, onSocket)).port}`;
}

const url = 'http://server.test:81/';

describe('an HTTP proxy', () => {
  for (const [name, answer, statusCode, text] of [
    [
      '407 with a body',
      'HTTP/1.1 407 Log in\r\nContent-Length: 4\r\n\r\nbody',
      407,
      '407 Proxy Authentication Required',
    ],
    ['403 and the connection left open', 'HTTP/1.1 403 Forbidden\r\n\r\n', 403, '403 Forbidden'],
    ['502', 'HTTP/1.0 502 Bad Gateway\r\n\r\n', 502, '502 Bad Gateway'],
    ['a redirect, which is not followed', 'HTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n', 302, '302 Found'],
    ['101', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 101, '101 Switching Protocols'],
    ['300', 'HTTP/1.1 300\r\n\r\n', 300, '300 Multiple Choices'],
    ['a status of its own', 'HTTP/1.1 999 Nope\r\n\r\n', 999, '999'],
    [
      'a reason that repeats our credentials',
      'HTTP/1.1 407 user:hunter2 dXNlcjpodW50ZXIy\r\n\r\n',
      407,
      '407 Proxy Authentication Required',
    ],
  ] as const) {
    it(`refuses with ${name}`, async (t) => {
      const proxy = await answering(t, answer, false);
      const error = await failureOf('spdy', { url, proxy });
      assert.ok(error instanceof ProxyError);
      assert.deepEqual([error.statusCode, error.replyCode, error.initiator], [statusCode, undefined, 'remote']);
      const where = proxy.replace('user:hunter2@', '');
      assert.equal(error.message, `the proxy ${where} refused a tunnel to server.test:81: ${text}`);
      assert.doesNotMatch(String(error.stack), SECRET);
    });
  }

  for (const [name, answer] of [
    ['an SSH banner', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['the start of one', 'S'],
    ['a TLS alert', Buffer.from('15030300020228', 'hex')],
    ['a status line without a status', 'HTTP/1.1 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status that begins with 0', 'HTTP/1.1 020 OK\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200\r\n\r\n'],
    ['a version that does not exist', 'HTTP/1.7 200 OK\r\n\r\n'],
    ['an interim answer, then garbage', 'HTTP/1.1 103 Early Hints\r\n\r\ngarbage'],
  ] as const) {
    it(`answers with ${name}: ProxyError at once`, async (t) => {
      const error = await failureOf('spdy', { url, proxy: await answering(t, answer, false) });
      assert.ok(error instanceof ProxyError);
      assert.match(error.message, /did not answer in HTTP\/1\.1$/);
      assert.equal(error.statusCode, undefined);
    });
  }

  it('answers with nothing but an end: ProxyError', async (t) => {
    const error = await failureOf('spdy', { url, proxy: await answering(t, '') });
    assert.ok(error instanceof ProxyError);
    assert.match(error.message, /did not open a tunnel: the connection was closed$/);
  });

  it('answers with a header up to 64 KiB, and not of one byte more', async (t) => {
    const server = await startEchoServer(t);
    for (const [length, works] of [
      [65_536, true],
      [65_537, false],
    ] as const) {
      const start = 'HTTP/1.1 200 OK\r\nX: ';
      const answer = `${start}${'x'.repeat(length - start.length - 4)}\r\n\r\n`;
      assert.equal(answer.length, length);
      const { port } = await httpProxy(t, server, { answer });
      const request = { url, proxy: `http://127.0.0.1:${port}` };
      if (works) await checkEcho('spdy', request);
      else assert.match((await failureOf('spdy', request)).message, /a header of more than 65536 bytes$/);
    }
  });

  for (const [name, piece] of [
    ['a header line', 'x'.repeat(1000)],
    ['header lines', 'X: y\r\n'.repeat(100)],
    ['interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(100)],
  ] as const) {
    it(`sends ${name} without end: cut off`, async (t) => {
      const proxy = await startProxy(t, (socket) => {
        readUntil(socket, headerLength, () => {
          if (!piece.startsWith('HTTP')) socket.write('HTTP/1.1 200 OK\r\nX: ');
          const pour = (): void => {
            if (!socket.destroyed) socket.write(piece, pour);
          };
          pour();
        });
      });
      const error = await failureOf('spdy', { url, proxy: `http://127.0.0.1:${proxy.port}` });
      assert.ok(error instanceof ProxyError);
      assert.match(error.message, /a header of more than 65536 bytes$/);
      await proxy.idle();
    });
  }

  for (const [name, answer] of [
    ['HTTP/1.0', 'HTTP/1.0 200 Connection established\r\n\r\n'],
    ['no reason', 'HTTP/1.1 200\r\n\r\n'],
    ['another success', 'HTTP/1.1 204 No Content\r\n\r\n'],
    ['lengths that mean nothing here', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n'],
    [
      'interim answers first',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n',
    ],
    ['bare line feeds', 'HTTP/1.1 200 OK\nA: b\n\n'],
  ] as const) {
    it(`opens a tunnel with ${name}`, async (t) => {
      const server = await startEchoServer(t);
      const { port } = await httpProxy(t, server, { answer });
      await checkEcho('spdy', { url, proxy: `http://127.0.0.1:${port}` });
      await checkEcho('websocket', { url, proxy: `http://127.0.0.1:${port}` });
    });
  }

  it('sends its answer byte by byte', async (t) => {
    const server = await startEchoServer(t);
    const { port } = await httpProxy(t, server, { answer: '' });
    const slow = await startProxy(t, (socket) => {
      readUntil(socket, headerLength, (head) => {
        const bytes = Buffer.from('HTTP/1.1 200 OK\r\nA: b\r\n\r\n');
        let sent = 0;
        const send = (): void => {
          if (sent < bytes.length) return void socket.write(bytes.subarray(sent, ++sent), () => setImmediate(send));
          relay(socket, port, head);
        };
        send();
      });
    });
    await checkEcho('spdy', { url, proxy: `http://127.0.0.1:${slow.port}` });
  });
});

/** Hands a tunnel on to another proxy, which says nothing of its own. */
function relay(socket: Duplex, port: number, head: Buffer): void {
  const onward = connect(port, '127.0.0.1', () => {
    onward.write(head);
    splice(socket, onward);
  });
}

describe('bytes behind the answer of a proxy belong to the server', () => {
  const upgraded = 'HTTP/1.1 404 Not Found\r\nContent-Length: 8\r\n\r\nbehind 1';

  for (const scheme of ['http', 'https'] as const) {
    it(`an answer of the server in the same packet, ${scheme} proxy`, async (t) => {
      const tls = scheme === 'https' ? { cert: SERVER_CERT, key: SERVER_KEY } : undefined;
      const proxy = await startProxy(
        t,
        (socket) => readUntil(socket, headerLength, () => socket.end(`HTTP/1.1 200 OK\r\n\r\n${upgraded}`)),
        tls,
      );
      const request = { url, proxy: `${scheme}://127.0.0.1:${proxy.port}`, proxyTls: { rejectUnauthorized: false } };
      for (const wire of ['spdy', 'websocket'] as const) {
        const error = await failureOf(wire, request);
        assert.deepEqual([error['code'], error['statusCode'], error['body']], ['ERR_UPGRADE_FAILURE', 404, 'behind 1']);
      }
    });

    it(`a TLS alert of the server in the same packet, ${scheme} proxy`, async (t) => {
      const tls = scheme === 'https' ? { cert: SERVER_CERT, key: SERVER_KEY } : undefined;
      // handshake_failure; without it the handshake would wait for an answer.
      const alert = Buffer.from('15030300020228', 'hex');
      const proxy = await startProxy(
        t,
        (socket) => {
          readUntil(socket, headerLength, () => {
            socket.write(Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), alert]));
            socket.resume();
          });
        },
        tls,
      );
      const error = await failureOf('spdy', {
        url: 'https://server.test/',
        proxy: `${scheme}://127.0.0.1:${proxy.port}`,
        proxyTls: { rejectUnauthorized: false },
      });
      assert.equal(error['code'], 'ERR_CONNECTION_LOST');
      assert.match(error.message, /^cannot connect to https:\/\/server\.test\/ through the proxy .*handshake failure/);
      await proxy.idle();
    });
  }

  it('an answer of the server in the same packet as a SOCKS reply', async (t) => {
    const reply = Buffer.concat([Buffer.from('05000001000000000000', 'hex'), Buffer.from(upgraded)]);
    const proxy = await startProxy(t, (socket) => {
      readUntil(
        socket,
        () => 3,
        () => {
          socket.write(Buffer.of(5, 0));
          readUntil(
            socket,
            () => 18,
            () => socket.end(reply),
          );
        },
      );
    });
    const error = await failureOf('spdy', { url, proxy: `socks5://127.0.0.1:${proxy.port}` });
    assert.deepEqual([error['code'], error['statusCode'], error['body']], ['ERR_UPGRADE_FAILURE', 404, 'behind 1']);
  });
});

describe('a SOCKS proxy', () => {
  for (const [code, text] of [
    [1, 'general SOCKS server failure'],
    [2, 'connection not allowed by ruleset'],
    [3, 'network unreachable'],
    [4, 'host unreachable'],
    [5, 'connection refused'],
    [6, 'TTL expired'],
    [7, 'command not supported'],
    [8, 'address type not supported'],
    [9, 'reply 9'],
    [255, 'reply 255'],
  ] as const) {
    it(`refuses with ${code}`, async (t) => {
      // Some proxies send no address with a refusal.
      for (const reply of [Buffer.of(5, code, 0, 1, 0, 0, 0, 0, 0, 0), Buffer.of(5, code)]) {
        const { port } = await socksProxy(t, { port: 1 }, { reply });
        const error = await failureOf('spdy', { url, proxy: `socks5://127.0.0.1:${port}` });
        assert.ok(error instanceof ProxyError);
        assert.deepEqual([error.replyCode, error.statusCode, error.initiator], [code, undefined, 'remote']);
        const where = `socks5://127.0.0.1:${port}`;
        assert.equal(error.message, `the proxy ${where} refused a connection to server.test port 81: ${text}`);
      }
    });
  }

  for (const [name, method, then, message] of [
    ['version 4', '0400', '', /does not speak SOCKS5$/],
    ['HTTP', '48545450', '', /does not speak SOCKS5$/],
    ['no acceptable method', '05ff', '', /accepts neither credentials nor none$/],
    ['GSSAPI, which was not offered', '0501', '', /authentication that was not offered$/],
    ['refused credentials', '0502', '0101', /refused the credentials$/],
    ['authentication of another version', '0502', '0500', /broke the rules of SOCKS5 authentication$/],
    ['a reply of version 4', '0500', '0400', /does not speak SOCKS5$/],
    ['an address of an unknown type', '0500', '05000009', /address of an unknown type$/],
  ] as const) {
    it(`answers with ${name}: ProxyError at once`, async (t) => {
      const proxy = await startProxy(t, (socket) => {
        readUntil(
          socket,
          () => 4,
          () => {
            socket.write(Buffer.from(method, 'hex'));
            socket.once('data', () => socket.write(Buffer.from(then, 'hex')));
            socket.resume();
          },
        );
      });
      const error = await failureOf('spdy', { url, proxy: `socks5://user:hunter2@127.0.0.1:${proxy.port}` });
      assert.ok(error instanceof ProxyError, String(error));
      assert.match(error.message, message);
      assert.doesNotMatch(String(error.stack), SECRET);
      await proxy.idle();
    });
  }

  it('is not asked for a name that its protocol cannot express', async (t) => {
    const server = await startEchoServer(t);
    const { port, requests } = await socksProxy(t, server);
    const proxy = `socks5://127.0.0.1:${port}`;
    const longest = `${'a'.repeat(63)}.`.repeat(4).slice(0, 255);
    await checkEcho('spdy', { url: `http://${longest}/`, proxy });
    assert.equal(requests.length, 1);
    const error = await failureOf('spdy', { url: `http://${longest}a/`, proxy });
    assert.equal(error['code'], 'ERR_INVALID_ARGUMENT');
    assert.equal(requests.length, 1);
  });

  it('takes replies with each type of address, in one piece and byte by byte', async (t) => {
    const server = await startEchoServer(t);
    for (const address of ['017f000001', `04${'0'.repeat(30)}01`, '030568656c6c6f', '0300']) {
      const reply = Buffer.from(`050000${address}1234`, 'hex');
      const { port } = await socksProxy(t, server, { reply });
      await checkEcho('spdy', { url, proxy: `socks5://127.0.0.1:${port}` });
    }
  });
});

describe('what a proxy is asked for', () => {
  for (const [name, target, authority, socks] of [
    ['a name', 'http://server.test/', 'server.test:80', `030b${Buffer.from('server.test').toString('hex')}0050`],
    [
      'a name with a port',
      'ws://server.test:81/',
      'server.test:81',
      `030b${Buffer.from('server.test').toString('hex')}0051`,
    ],
    [
      'a name that is not ASCII',
      'http://bücher.test/',
      'xn--bcher-kva.test:80',
      `0312${Buffer.from('xn--bcher-kva.test').toString('hex')}0050`,
    ],
    ['an IPv4 address', 'http://192.0.2.7:65535/', '192.0.2.7:65535', '01c0000207ffff'],
    ['an IPv6 address', 'http://[2001:db8::7]:8080/', '[2001:db8::7]:8080', '0420010db80000000000000000000000071f90'],
    [
      'an IPv6 address of all groups',
      'http://[1:2:3:4:5:6:7:8]/',
      '[1:2:3:4:5:6:7:8]:80',
      '04000100020003000400050006000700080050',
    ],
    ['the loopback address of IPv6', 'http://[::1]/', '[::1]:80', `04${'0'.repeat(31)}10050`],
    [
      'an IPv4 address in IPv6',
      'http://[::ffff:192.0.2.7]/',
      '[::ffff:c000:207]:80',
      `04${'0'.repeat(20)}ffffc00002070050`,
    ],
    [
      'an IPv6 address that ends in zeros',
      'http://[2001:db8::]/',
      '[2001:db8::]:80',
      `0420010db8${'0'.repeat(24)}0050`,
    ],
  ] as const) {
    it(name, async (t) => {
      const server = await startEchoServer(t);
      const http = await httpProxy(t, server);
      await checkEcho('spdy', { url: target, proxy: `http://127.0.0.1:${http.port}` });
      assert.equal(http.requests[0], `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n\r\n`);
      const socks5 = await socksProxy(t, server);
      for (const scheme of ['socks5', 'socks5h']) {
        await checkEcho('spdy', { url: target, proxy: new URL(`${scheme}://127.0.0.1:${socks5.port}`) });
        assert.equal(socks5.requests.pop(), `050100${socks}`);
      }
    });
  }

  it('an https server at an IPv6 address is verified by that address', async (t) => {
    const server = await startEchoServer(t, { cert: SERVER_CERT, key: SERVER_KEY });
    const { port } = await httpProxy(t, server);
    const proxy = `http://127.0.0.1:${port}`;
    const error = await failureOf('spdy', { url: 'https://[2001:db8::7]/', proxy, tls: { ca: SERVER_CERT } });
    assert.match(String((error.cause as { code?: string }).code), /ALTNAME|CERT|VERIFY/);
  });
});
