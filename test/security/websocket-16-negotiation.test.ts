// Row 16: requests with very many headers, and bad negotiation values.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocketRoundTripper } from '../../src/websocket/index.js';
import { GOOD_LINES, engineServer, request } from './websocket-engine-support.js';

function without(name: string): string[] {
  return GOOD_LINES.filter((line) => !line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
}

function changed(name: string, value: string): string[] {
  return [...without(name), `${name}: ${value}`];
}

const STATUS: readonly (readonly [string, readonly string[], number])[] = [
  ['no Sec-WebSocket-Key', without('Sec-WebSocket-Key'), 400],
  ['an empty key', changed('Sec-WebSocket-Key', ''), 400],
  ['a key of 15 bytes', changed('Sec-WebSocket-Key', 'AAAAAAAAAAAAAAAAAAAA'), 400],
  ['a key that is no base64', changed('Sec-WebSocket-Key', '!!!!!!!!!!!!!!!!!!!!!!=='), 400],
  ['two keys', [...GOOD_LINES, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='], 400],
  ['no version', without('Sec-WebSocket-Version'), 400],
  ['version 8', changed('Sec-WebSocket-Version', '8'), 400],
  ['version 14', changed('Sec-WebSocket-Version', '14'), 400],
  ['two versions', changed('Sec-WebSocket-Version', '13, 13'), 400],
  ['version 13.0', changed('Sec-WebSocket-Version', '13.0'), 400],
  ['another Upgrade', changed('Upgrade', 'websocket2'), 400],
  ['a list of upgrades', changed('Upgrade', 'h2c, websocket'), 400],
  ['no subprotocol', without('Sec-WebSocket-Protocol'), 403],
  ['an empty subprotocol', changed('Sec-WebSocket-Protocol', ''), 403],
  ['only commas', changed('Sec-WebSocket-Protocol', ',,,'), 403],
  ['the name of a property', changed('Sec-WebSocket-Protocol', '__proto__, constructor'), 403],
  ['a subprotocol in another case', changed('Sec-WebSocket-Protocol', 'SPDY.3.1'), 403],
  ['one character too many', changed('Sec-WebSocket-Protocol', 'spdy.3.1x'), 403],
  ['a body', [...GOOD_LINES, 'Content-Length: 5'], 400],
  ['a chunked body', [...GOOD_LINES, 'Transfer-Encoding: chunked'], 400],
  ['a good one', GOOD_LINES, 101],
  ['the good one among bad ones', changed('Sec-WebSocket-Protocol', 'a/b, "c", ,  spdy.3.1,\tyamux'), 101],
];

describe('bad negotiation', () => {
  for (const [name, lines, status] of STATUS) {
    it(`${name}: ${status}`, async (t) => {
      const { port } = await engineServer(t);
      const { answer } = await request(t, port, lines);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 ${status} `));
      if (status >= 400) assert.match(answer, /\r\nconnection: close\r\n/i);
    });
  }

  for (const extension of [
    'permessage-deflate',
    'permessage-deflate; server_max_window_bits=1000',
    'permessage-deflate; client_max_window_bits=7; client_max_window_bits',
    'permessage-deflate; x="',
    ';;;',
    ','.repeat(1000),
  ]) {
    it(`no extension comes of ${extension.slice(0, 60)}`, async (t) => {
      const { port } = await engineServer(t);
      const { answer } = await request(t, port, [...GOOD_LINES, `Sec-WebSocket-Extensions: ${extension}`]);
      assert.match(answer, /^HTTP\/1\.1 101 /);
      assert.doesNotMatch(answer, /extensions/i);
    });
  }
});

describe('very many headers', () => {
  const MANY = Array.from({ length: 2_000 }, (_, i) => `a${i}:`);
  for (const [name, lines] of [
    ['2,000 in front', [...MANY, ...GOOD_LINES]],
    ['2,000 behind', [...GOOD_LINES, ...MANY]],
    ['2,000 between', [...GOOD_LINES.slice(0, 3), ...MANY, ...GOOD_LINES.slice(3)]],
    ['2,000 times the same', [...Array.from({ length: 2_000 }, () => 'a:'), ...GOOD_LINES]],
    ['2,000 subprotocols', changed('Sec-WebSocket-Protocol', Array.from({ length: 2_000 }, (_, i) => i).join())],
  ] as const) {
    it(`${name}: an answer, and the server lives`, async (t) => {
      const server = await engineServer(t);
      const { answer, socket } = await request(t, server.port, lines);
      assert.match(answer, /^HTTP\/1\.1 (101|4\d\d) /);
      socket.destroy();
      if (!socket.closed) await once(socket, 'close');
      const { connection } = await new WebSocketRoundTripper().dial({ url: server.url });
      assert.ok((await connection.ping()) >= 0);
      await connection.close();
    });
  }
});
