// Row 15: lengths beyond safe integers, and frames in the wrong state.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { LimitExceededError, ProtocolError } from '../../src/errors/index.js';
import { channelServer } from '../conformance/channel-support.js';
import { engineServer, rawEngineClient } from './websocket-engine-support.js';
import { clientFrame, rawClient } from './websocket-support.js';

/** The head of a binary frame with a 64-bit length. */
function longFrame(length: bigint, opcode = 0x82): Buffer {
  const head = Buffer.alloc(14);
  head[0] = opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(length, 2);
  return head;
}

const MEBIBYTE = 1024 * 1024;
const TOO_LONG: readonly (readonly [string, Buffer])[] = [
  ['2⁶³', longFrame(2n ** 63n)],
  ['2⁶⁴ − 1', longFrame(2n ** 64n - 1n)],
  ['2⁵³', longFrame(2n ** 53n)],
  ['2⁵³ − 1', longFrame(2n ** 53n - 1n)],
  ['2³²', longFrame(2n ** 32n)],
  ['2³¹', longFrame(2n ** 31n)],
  ['one past the limit', longFrame(BigInt(MEBIBYTE) + 1n)],
];

const ILLEGAL: readonly (readonly [string, Buffer])[] = [
  ['a ping of 126 bytes', clientFrame(0x9, Buffer.alloc(126))],
  ['a ping with a 64-bit length', longFrame(10n, 0x89)],
  ['a ping in fragments', clientFrame(0x9, Buffer.alloc(0), false)],
  ['a continuation of nothing', clientFrame(0, Buffer.of(1))],
  ['a message inside a message', Buffer.concat([clientFrame(2, Buffer.of(1), false), clientFrame(2, Buffer.of(1))])],
  ['an unknown opcode', clientFrame(0x3, Buffer.of(1))],
  ['a reserved bit', Buffer.concat([Buffer.of(0xc2), clientFrame(2, Buffer.of(1)).subarray(1)])],
  ['no mask', Buffer.of(0x82, 1, 65)],
  ['a close of one byte', clientFrame(0x8, Buffer.of(3))],
  ['a close with an unknown code', clientFrame(0x8, Buffer.of(0, 1))],
  ['text that is no UTF-8', clientFrame(0x1, Buffer.of(0xff))],
];

/** The close code in what a server wrote. */
async function closeCode(peer: NodeJS.ReadableStream): Promise<number> {
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(peer, 'end');
  const bytes = Buffer.concat(chunks);
  const at = bytes.lastIndexOf(0x88);
  return at < 0 ? 0 : bytes.readUInt16BE(at + 2);
}

describe('lengths beyond the limit, below an engine', () => {
  for (const [name, frame] of TOO_LONG) {
    it(`${name}: ended with 1009 before memory is taken`, async (t) => {
      const server = await engineServer(t, { limits: { closeTimeout: 100 } });
      const peer = await rawEngineClient(t, server.port);
      const connection = await server.next();
      const before = process.memoryUsage().arrayBuffers;
      peer.write(frame);
      const [reason, code] = await Promise.all([connection.closed, closeCode(peer)]);
      const cause = reason.error?.cause;
      assert.ok(cause instanceof LimitExceededError, String(reason.error));
      assert.equal(cause.limit, 'maxMessageBytes');
      assert.equal(code, 1009);
      assert.ok(process.memoryUsage().arrayBuffers - before < 8 * MEBIBYTE);
    });
  }

  it('in fragments, of which each is short', async (t) => {
    const server = await engineServer(t, { limits: { maxMessageBytes: 1000, closeTimeout: 100 } });
    const peer = await rawEngineClient(t, server.port);
    const connection = await server.next();
    peer.resume();
    const piece = Buffer.alloc(100);
    peer.write(
      Buffer.concat([clientFrame(2, piece, false), ...Array.from({ length: 10 }, () => clientFrame(0, piece, false))]),
    );
    const cause = (await connection.closed).error?.cause;
    assert.ok(cause instanceof LimitExceededError && cause.limit === 'maxMessageBytes');
  });
});

describe('frames in the wrong state, below an engine', () => {
  for (const [name, frame] of ILLEGAL) {
    it(`${name}: the connection ends, with a code that says why`, async (t) => {
      const server = await engineServer(t, { limits: { closeTimeout: 100 } });
      const peer = await rawEngineClient(t, server.port);
      const connection = await server.next();
      peer.write(frame);
      const [reason, code] = await Promise.all([connection.closed, closeCode(peer)]);
      assert.ok(reason.error?.cause instanceof ProtocolError, String(reason.error?.cause));
      assert.ok([1002, 1003, 1007].includes(code), `${code}`);
    });
  }
});

describe('the same for channels', () => {
  for (const [name, frame] of [...TOO_LONG, ...ILLEGAL.filter(([title]) => !title.startsWith('text'))]) {
    it(`${name}: the connection ends`, async (t) => {
      const { port, accepted } = await channelServer(t, { limits: { closeTimeout: 100 } });
      const peer = await rawClient(t, port);
      const connection = await accepted;
      peer.resume();
      peer.write(frame);
      assert.equal((await connection.closed).kind, 'protocol-error');
    });
  }
});
