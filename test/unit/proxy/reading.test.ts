import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { BodyReader } from '../../../src/proxy/body-reader.js';
import { ResponseHeadReader, type ResponseHead } from '../../../src/proxy/response-head.js';
import type { Field } from '../../../src/proxy/request-text.js';
import { randomSlices, slices } from '../../../src/testing/slicers.js';

function readHead(bytes: Buffer, seed: number, limit = 65_536): { head: ResponseHead; rest: Buffer } | undefined {
  const reader = new ResponseHeadReader(limit);
  const rest: Buffer[] = [];
  let head: ResponseHead | undefined;
  for (const piece of slices(bytes, randomSlices(seed, 64))) {
    if (head !== undefined) {
      rest.push(piece);
      continue;
    }
    const answer = reader.push(piece);
    if (answer === undefined) continue;
    ({ head } = answer);
    rest.push(answer.rest);
  }
  return head && { head, rest: Buffer.concat(rest) };
}

const head = (fields: readonly Field[], statusCode = 400): ResponseHead => ({ statusCode, statusMessage: 'X', fields });

function readBody(reader: BodyReader, bytes: Buffer, seed = 1): string {
  const found: Buffer[] = [];
  for (const piece of slices(bytes, randomSlices(seed, 64))) found.push(...reader.push(piece));
  return Buffer.concat(found).toString('latin1');
}

describe('ResponseHeadReader', () => {
  const token = fc.stringMatching(/^[A-Za-z][A-Za-z-]{0,20}$/);
  const value = fc.stringMatching(/^(?:[!-~][ -~]{0,30}[!-~])?$/);

  it('reads every header, in any pieces, with CR LF or LF, and leaves what is behind it', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 100, max: 599 }),
        value,
        fc.array(fc.tuple(token, value), { maxLength: 20 }),
        fc.constantFrom('\r\n', '\n'),
        fc.string(),
        fc.integer(),
        (code, reason, fields, end, rest, seed) => {
          const lines = [`HTTP/1.1 ${code} ${reason}`, ...fields.map(([name, text]) => `${name}: ${text}`), '', ''];
          const bytes = Buffer.concat([Buffer.from(lines.join(end)), Buffer.from(rest)]);
          const answer = readHead(bytes, seed);
          assert.deepEqual(answer?.head, { statusCode: code, statusMessage: reason, fields });
          assert.equal(answer?.rest.toString(), rest);
        },
      ),
      { seed: 7, numRuns: 200 },
    );
  });

  it('needs no reason, and takes HTTP/1.0', () => {
    for (const line of ['HTTP/1.1 204', 'HTTP/1.0 204 ']) {
      assert.equal(readHead(Buffer.from(`${line}\r\n\r\n`), 1)?.head.statusCode, 204);
    }
  });

  it('looks at each byte once: a header in single bytes costs what it costs in one piece', () => {
    const reader = new ResponseHeadReader(1024 * 1024);
    const piece = Buffer.from('x');
    for (let i = 0; i < 1_000_000; i++) assert.equal(reader.push(piece), undefined);
    assert.equal(reader.length, 1_000_000);
  });

  it('refuses what is no header of HTTP/1', () => {
    for (const text of [
      '\r\n\r\n',
      'HTTP/1.1 20 X\r\n\r\n',
      'HTTP/1.2 200 X\r\n\r\n',
      'HTTP/1.1 200X\r\n\r\n',
      'x\n\n',
    ]) {
      assert.throws(() => readHead(Buffer.from(text), 1), { code: 'ERR_PROTOCOL' }, JSON.stringify(text));
    }
  });

  it('has a limit that holds to the byte, wherever the pieces are cut', () => {
    const text = Buffer.from('HTTP/1.1 200 OK\r\nX: y\r\n\r\n');
    for (let seed = 0; seed < 20; seed++) {
      assert.ok(readHead(Buffer.concat([text, Buffer.alloc(100)]), seed, text.length));
      assert.throws(() => readHead(text, seed, text.length - 1), { limit: 'maxResponseHeaderBytes' });
    }
  });
});

describe('BodyReader', () => {
  it('takes a body of known length, and nothing behind it', () => {
    for (let seed = 0; seed < 20; seed++) {
      const reader = new BodyReader(head([['Content-Length', '5']]), 'GET');
      assert.equal(reader.framing, 'length');
      assert.equal(readBody(reader, Buffer.from('hello HTTP/1.1 200'), seed), 'hello');
      assert.ok(reader.done);
    }
  });

  it('takes chunks in any pieces, with extensions and trailers, and nothing behind them', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 })), fc.integer(), (chunks, seed) => {
        const parts = chunks.map((chunk) =>
          Buffer.concat([Buffer.from(`${chunk.length.toString(16)};a="b"\r\n`), chunk, Buffer.from('\r\n')]),
        );
        const bytes = Buffer.concat([...parts, Buffer.from('000\r\nX-Trailer: 1\r\n\r\nbehind')]);
        const reader = new BodyReader(head([['Transfer-Encoding', 'Chunked']]), 'GET');
        assert.equal(readBody(reader, bytes, seed), Buffer.concat(chunks).toString('latin1'));
        assert.ok(reader.done);
      }),
      { seed: 7, numRuns: 200 },
    );
  });

  it('knows bodies that end with the connection, and those that are not there', () => {
    const open = new BodyReader(head([]), 'GET');
    assert.deepEqual([open.framing, readBody(open, Buffer.from('all')), open.done], ['close', 'all', false]);
    for (const [status, method] of [
      [400, 'HEAD'],
      [204, 'GET'],
      [304, 'GET'],
    ] as const) {
      const none = new BodyReader(head([['Content-Length', '5']], status), method);
      assert.deepEqual([none.framing, none.done, readBody(none, Buffer.from('x'))], ['none', true, '']);
    }
    assert.ok(new BodyReader(head([['Content-Length', '0']]), 'GET').done);
  });

  it('refuses framing that can be read in two ways', () => {
    for (const fields of [
      [
        ['Content-Length', '1'],
        ['Content-Length', '2'],
      ],
      [['Content-Length', '1, 1']],
      [['Content-Length', '+1']],
      [['Content-Length', '0x1']],
      [['Content-Length', '']],
      [['Transfer-Encoding', 'gzip']],
      [['Transfer-Encoding', 'gzip, chunked']],
      [['Transfer-Encoding', 'chunked, gzip']],
    ] as Field[][]) {
      assert.throws(() => new BodyReader(head(fields), 'GET'), { code: 'ERR_PROTOCOL' }, JSON.stringify(fields));
    }
  });

  it('refuses malformed chunks, and lines without end', () => {
    for (const text of ['x\r\n', '-1\r\n', '5\r\nhelloX\r\n', '\r\n', '1 1\r\n', `1;${'x'.repeat(5000)}`, '0x5\r\n']) {
      const reader = new BodyReader(head([['Transfer-Encoding', 'chunked']]), 'GET');
      assert.throws(() => readBody(reader, Buffer.from(text)), { code: 'ERR_PROTOCOL' }, text.slice(0, 10));
    }
    const trailers = new BodyReader(head([['Transfer-Encoding', 'chunked']]), 'GET');
    const many = Buffer.from(`0\r\n${'X: y\r\n'.repeat(10_000)}`);
    assert.throws(() => readBody(trailers, many), { code: 'ERR_PROTOCOL' });
  });
});
