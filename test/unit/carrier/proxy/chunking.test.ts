import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import type { ProxyAddress } from '../../../../src/carrier/proxy/address.js';
import { requestTunnel } from '../../../../src/carrier/proxy/http-connect.js';
import { requestSocksTunnel } from '../../../../src/carrier/proxy/socks.js';
import { duplexPair } from '../../../../src/testing/index.js';

type Request = typeof requestTunnel;

const TARGET = { host: 'server.test', port: 443, secure: true };
const address = (scheme: ProxyAddress['scheme']): ProxyAddress => ({
  scheme,
  host: 'proxy.test',
  port: 1,
  credentials: { username: 'user', password: 'hunter2' },
  name: `${scheme}://proxy.test:1`,
});

/** What a request makes of these pieces, and what is left behind its answer. */
async function outcome(
  request: Request,
  scheme: ProxyAddress['scheme'],
  pieces: readonly Uint8Array[],
): Promise<{ error: string | undefined; rest: string }> {
  const [ours, proxy] = duplexPair();
  proxy.resume();
  const asked = request(ours, address(scheme), TARGET).then(
    () => undefined,
    (error: Error) => error.message,
  );
  for (const piece of pieces) proxy.write(piece);
  proxy.end();
  const error = await asked;
  const rest = error === undefined ? await readAll(ours) : '';
  ours.destroy();
  proxy.destroy();
  return { error, rest };
}

async function readAll(socket: Duplex): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.readableEnded) await once(socket, 'end');
  return Buffer.concat(chunks).toString('latin1');
}

/** Cuts at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const marks = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b);
  return [0, ...marks].map((mark, index) => bytes.subarray(mark, marks[index] ?? bytes.length));
}

const PLACES = fc.array(fc.nat(), { maxLength: 30 });

describe('answers of proxies, cut anywhere', () => {
  for (const [name, request, scheme, answer] of [
    ['CONNECT', requestTunnel, 'http', 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'],
    [
      'CONNECT, interim answers first',
      requestTunnel,
      'http',
      'HTTP/1.1 100 A\r\n\r\nHTTP/1.1 103 B\nC: d\n\nHTTP/1.0 200\r\n\r\n',
    ],
    ['SOCKS', requestSocksTunnel, 'socks5', '\x05\x02\x01\x00\x05\x00\x00\x01abcdef'],
    ['SOCKS, a name in the reply', requestSocksTunnel, 'socks5', '\x05\x00\x05\x00\x00\x03\x04nameef'],
    ['SOCKS, an IPv6 address', requestSocksTunnel, 'socks5', '\x05\x00\x05\x00\x00\x040123456789abcdefpp'],
  ] as const) {
    it(`${name}: the same tunnel, and every byte behind the answer`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.string({ unit: 'binary-ascii', maxLength: 200 }), PLACES, async (rest, places) => {
          const pieces = cut(Buffer.from(answer + rest, 'latin1'), places);
          assert.deepEqual(await outcome(request, scheme, pieces), { error: undefined, rest });
        }),
        { seed: 1, numRuns: 150 },
      );
    });

    it(`${name}: cut short, it is no tunnel`, async () => {
      const bytes = Buffer.from(answer, 'latin1');
      for (let length = 0; length < bytes.length; length++) {
        const { error } = await outcome(request, scheme, [bytes.subarray(0, length)]);
        assert.equal(error, 'the connection was closed', `${length} bytes`);
      }
    });
  }

  for (const [name, request, scheme, start] of [
    ['CONNECT', requestTunnel, 'http', ''],
    ['CONNECT, after a good start', requestTunnel, 'http', 'HTTP/1.1 '],
    ['SOCKS', requestSocksTunnel, 'socks5', ''],
    ['SOCKS, after a good start', requestSocksTunnel, 'socks5', '\x05\x00\x05'],
  ] as const) {
    it(`${name}: random bytes end the same way however they are cut`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), PLACES, async (bytes, places) => {
          const all = Buffer.concat([Buffer.from(start, 'latin1'), bytes]);
          const whole = await outcome(request, scheme, [all]);
          assert.deepEqual(await outcome(request, scheme, cut(all, places)), whole);
          assert.doesNotMatch(whole.error ?? '', /hunter2|user/);
        }),
        { seed: 2, numRuns: 300 },
      );
    });
  }
});
