import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { LimitExceededError, ProtocolError } from '../../../../src/errors/index.js';
import { resolveLimits, type Limits } from '../../../../src/limits/limits.js';
import { FrameReader } from '../../../../src/wire/spdy/frame-reader.js';
import { control, data, words } from '../../../support/frames.js';

class Log {
  readonly lines: string[] = [];
  readonly reader: FrameReader;
  #data = Buffer.alloc(0);

  constructor(limits: Partial<Limits> = {}, onLine: () => void = () => {}) {
    this.reader = new FrameReader(resolveLimits(limits), {
      control: (type, flags, payload) => {
        this.lines.push(`control ${type} ${flags} ${payload.toString('hex')}`);
        onLine();
      },
      dataHead: (id, flags, length) => {
        this.lines.push(`data ${id} ${flags} ${length}`);
        this.#data = Buffer.alloc(0);
        onLine();
      },
      dataPiece: (chunk, rest) => {
        this.#data = Buffer.concat([this.#data, chunk]);
        if (rest === 0) this.lines.push(`bytes ${this.#data.toString('hex')}`);
      },
    });
  }
}

const frame = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 40 }))
    .map(([type, flags, payload]) => control(type, flags, Buffer.from(payload))),
  fc
    .tuple(fc.integer({ min: 0, max: 0x7fffffff }), fc.integer({ min: 0, max: 255 }), fc.uint8Array({ maxLength: 60 }))
    .map(([id, flags, payload]) => data(id, Buffer.from(payload), flags)),
);

describe('FrameReader', () => {
  it('finds the same frames however the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 12 }), fc.array(fc.nat(200)), (frames, cuts) => {
        const bytes = Buffer.concat(frames);
        const whole = new Log();
        whole.reader.read(bytes, 0, 0);
        const pieces = new Log();
        const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b), bytes.length];
        for (let i = 1; i < at.length; i++) pieces.reader.read(bytes.subarray(at[i - 1], at[i]), 0, 0);
        assert.deepEqual(pieces.lines, whole.lines);
        const single = new Log();
        for (const byte of bytes) single.reader.read(Buffer.from([byte]), 0, 0);
        assert.deepEqual(single.lines, whole.lines);
      }),
      { numRuns: 300, seed: 1 },
    );
  });

  it('passes data on without a copy', () => {
    const chunk = Buffer.concat([data(1, 'abc'), data(1, 'defg')]);
    const pieces: Buffer[] = [];
    const reader = new FrameReader(resolveLimits(), {
      control: () => assert.fail('no control frame'),
      dataHead: () => {},
      dataPiece: (piece) => void pieces.push(piece),
    });
    reader.read(chunk, 0, 0);
    assert.deepEqual(pieces.map(String), ['abc', 'defg']);
    assert.ok(pieces.every((piece) => piece.buffer === chunk.buffer));
  });

  it('stops after the current frame when paused, and goes on where it stopped', () => {
    const log = new Log({}, () => log.reader.pause());
    const bytes = Buffer.concat([control(6, 0, words(1)), control(6, 0, words(3)), data(1, 'x')]);
    let at = log.reader.read(bytes, 0, 0);
    assert.equal(at, 12);
    assert.equal(log.lines.length, 1);
    at = log.reader.read(bytes, at, 0);
    assert.equal(at, 24);
    at = log.reader.read(bytes, at, 0);
    assert.equal(at, 32);
    at = log.reader.read(bytes, at, 0);
    assert.equal(at, bytes.length);
    assert.deepEqual(log.lines.slice(2), ['data 1 0 1', 'bytes 78']);
  });

  it('says since when a head or a control frame is incomplete, and nothing about data', () => {
    const { reader } = new Log();
    const ping = control(6, 0, words(1));
    assert.equal(reader.began, undefined);
    reader.read(ping.subarray(0, 3), 0, 10);
    assert.equal(reader.began, 10);
    reader.read(ping.subarray(3, 7), 0, 20);
    assert.equal(reader.began, 10);
    reader.read(ping.subarray(7, 9), 0, 30);
    assert.equal(reader.began, 30);
    reader.read(ping.subarray(9), 0, 40);
    assert.equal(reader.began, undefined);
    reader.read(Buffer.concat([ping, ping.subarray(0, 10)]), 0, 50);
    assert.equal(reader.began, 50);
    reader.read(Buffer.concat([ping.subarray(10), data(1, 'abc').subarray(0, 9)]), 0, 60);
    assert.equal(reader.began, undefined);
  });

  it('refuses a wrong version before the payload is there', () => {
    for (const version of [0, 1, 2, 4, 0x7fff]) {
      assert.throws(
        () => new Log().reader.read(control(1, 0, Buffer.alloc(4), version).subarray(0, 8), 0, 0),
        ProtocolError,
      );
    }
  });

  for (const [limit, make] of [
    ['maxControlFrameBytes', (size: number) => control(6, 0, Buffer.alloc(size))],
    ['maxDataFrameIn', (size: number) => data(1, Buffer.alloc(size))],
  ] as const) {
    it(`${limit}: takes a frame at the limit, refuses one past it from its head alone`, () => {
      const log = new Log({ [limit]: 100 });
      log.reader.read(make(100), 0, 0);
      assert.ok(log.lines.length > 0);
      assert.throws(
        () => log.reader.read(make(101).subarray(0, 8), 0, 0),
        (error) => error instanceof LimitExceededError && error.limit === limit && error.initiator === 'remote',
      );
    });
  }
});
