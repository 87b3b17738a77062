import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventStreamParser, type ParsedEvent } from '../../src/sse/index.js';
import { everySplit, parsePieces, parseStream } from '../support/event-streams.js';

/** WHATWG HTML, 9.2.5 "Parsing an event stream" and 9.2.6 "Interpreting an event stream". */

const message = (data: string, lastEventId = '', type = 'message'): ParsedEvent => ({ type, data, lastEventId });

/** The same whatever the cuts. */
function check(stream: string | Uint8Array, expected: readonly ParsedEvent[]): void {
  for (const pieces of everySplit(stream)) {
    assert.deepEqual(parsePieces(pieces).events, expected, pieces.map((piece) => piece.length).join());
  }
}

describe('P1: always UTF-8', () => {
  it('bad bytes become U+FFFD, one for each maximal part', () => {
    check(Buffer.from([...Buffer.from('data:a'), 0xff, 0xe2, 0x80, 0x62, 0xed, 0xa0, 0x80, ...Buffer.from('\n\n')]), [
      message('a\uFFFD\uFFFDb\uFFFD\uFFFD\uFFFD'),
    ]);
  });
  it('a sequence that the end of the line cuts is bad', () => {
    check(Buffer.from([...Buffer.from('data:'), 0xe2, 0x80, 0x0a, ...Buffer.from('data:'), 0xa6, 0x0a, 0x0a]), [
      message('\uFFFD\n\uFFFD'),
    ]);
  });
  it('bad bytes in a type and an id', () => {
    check(Buffer.from('event:\u{1F600}é\nid:\u20AC\ndata:x\n\n'), [message('x', '€', '😀é')]);
    check(Buffer.from([0x69, 0x64, 0x3a, 0x80, 0x0a, ...Buffer.from('data\n\n')]), [message('', '\uFFFD')]);
  });
  it('one leading byte order mark is removed', () => check('\uFEFFdata:1\n\n', [message('1')]));
  it('a second one belongs to the field name', () => check('\uFEFF\uFEFFdata:1\n\ndata:2\n\n', [message('2')]));
  it('one further on belongs to the field name, or to the value', () => {
    check('data:1\n\n\uFEFFdata:2\n\ndata:\uFEFF3\n\n', [message('1'), message('\uFEFF3')]);
  });
  it('the beginning of one is no mark', () => {
    check(Buffer.from([0xef, 0xbb, ...Buffer.from('data:1\n\ndata:2\n\n')]), [message('2')]);
    check(Buffer.from([0xef, ...Buffer.from('\ndata:2\n\n')]), [message('2')]);
  });
  it('nothing but a mark, or part of one, is an empty stream', () => {
    check('\uFEFF', []);
    check(Buffer.from([0xef, 0xbb]), []);
  });
});

describe('P2: lines end with CRLF, LF or CR', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    it(`with ${JSON.stringify(end)}`, () => {
      check(['data:a', 'data:b', '', 'data:c', '', ''].join(end), [message('a\nb'), message('c')]);
    });
  }
  it('mixed', () => check('data:a\rdata:b\r\ndata:c\n\r\ndata:d\n\r', [message('a\nb\nc'), message('d')]));
  it('LF CR is two ends', () => check('data:a\n\rdata:b\n\n', [message('a'), message('b')]));
  it('a CR that ends a chunk acts at once, and an LF behind it is swallowed', () => {
    const events: ParsedEvent[] = [];
    const parser = new EventStreamParser({ event: (event) => events.push(event) });
    parser.feed(Buffer.from('data:a\r\n\r'));
    assert.deepEqual(events, [message('a')]);
    parser.feed(Buffer.alloc(0));
    parser.feed(Buffer.from('\ndata:b\r'));
    parser.feed(Buffer.from('\r'));
    assert.deepEqual(events, [message('a'), message('b')]);
  });
});

describe('P3: empty lines, comments and fields', () => {
  it('a leading colon makes a comment', () => {
    const { events, comments } = parseStream(':a\n: data: b\n:\n::\ndata:c\n\n');
    assert.deepEqual(events, [message('c')]);
    assert.deepEqual(comments, ['a', ' data: b', '', ':']);
  });
  it('the first colon splits; one space is removed, no second, no tab', () => {
    check('data:a:b\ndata: c\ndata:  d\ndata:\te\n\n', [message('a:b\nc\n d\n\te')]);
  });
  it('without a colon the line is the name', () => check('data\n\n', [message('')]));
});

describe('P4: names in exact case', () => {
  for (const name of [
    'Data',
    'DATA',
    ' data',
    'data ',
    'data\0',
    'dat',
    'datas',
    '\tdata',
    'constructor',
    '__proto__',
  ]) {
    it(`${JSON.stringify(name)} is ignored`, () => check(`${name}:x\n${name}\ndata:y\n\n`, [message('y')]));
  }
  it('long names and lines without a colon are ignored', () => {
    check(`${'n'.repeat(300)}:x\n${'m'.repeat(300)}\neventually:x\ndata:y\n\n`, [message('y')]);
  });
});

describe('P5: data', () => {
  it('a bare field is an empty string', () =>
    check('data\n\ndata:\n\ndata: \n\n', [message(''), message(''), message('')]));
  it('two are one line feed', () => check('data\ndata\n\n', [message('\n')]));
  it('line by line', () => check('data:a\ndata\ndata:b\n\n', [message('a\n\nb')]));
  it('may hold NUL', () => check('data:a\0b\n\n', [message('a\0b')]));
});

describe('P6: id', () => {
  it('persists over later events and is reset by an empty one', () => {
    check('id:1\ndata:a\n\ndata:b\n\nid\ndata:c\n\nid:2\ndata:d\n\nid:\ndata:e\n\n', [
      message('a', '1'),
      message('b', '1'),
      message('c'),
      message('d', '2'),
      message('e'),
    ]);
  });
  it('with NUL is ignored', () => check('id:1\nid:2\0\nid:\0\ndata:a\n\n', [message('a', '1')]));
  it('is committed by a block without data', () => {
    const { events, lastEventId } = parseStream('id:7\n\n');
    assert.deepEqual([events, lastEventId], [[], '7']);
    check('id:7\n\ndata:a\n\n', [message('a', '7')]);
  });
  it('the last one of a block counts', () => check('id:1\ndata:a\nid:2\n\n', [message('a', '2')]));
});

describe('P7: retry', () => {
  for (const [value, expected] of [
    ['1500', [1500]],
    ['02000', [2000]],
    ['0', [0]],
    ['9'.repeat(400), [Number.MAX_SAFE_INTEGER]],
    ['', []],
    ['+5', []],
    ['-5', []],
    ['1000x', []],
    ['1e3', []],
    ['1.5', []],
    [' 5', []],
    ['5 ', []],
    ['٣', []],
  ] as const) {
    it(`${JSON.stringify(value.slice(0, 20))} is ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(parseStream(`retry: ${value}\n`).retries, expected);
    });
  }
  it('bare is ignored', () => assert.deepEqual(parseStream('retry\n\n').retries, []));
  it('acts at the end of its line, not of its block', () => assert.deepEqual(parseStream('retry:1\n').retries, [1]));
});

describe('P8: dispatch', () => {
  it('without data no event, and the type is forgotten', () => {
    check('event:x\n\ndata:a\n\n\n\n', [message('a')]);
  });
  it('one trailing line feed is dropped', () => check('data:a\ndata:\n\n', [message('a\n')]));
  it('the type is the field, or message; empty means message; it resets', () => {
    check('event:x\ndata:a\n\ndata:b\n\nevent:x\nevent:\ndata:c\n\nevent\ndata:d\n\n', [
      message('a', '', 'x'),
      message('b'),
      message('c'),
      message('d'),
    ]);
  });
});

describe('P9: the end of the stream', () => {
  it('discards the pending block', () => check('data:a\n\nevent:x\ndata:b\n', [message('a')]));
  it('and the pending line', () => check('data:a\n\ndata:b', [message('a')]));
  it('and does not commit its id', () => {
    assert.equal(parseStream('id:1\ndata:a\n\nid:2\ndata:b\n').lastEventId, '1');
  });
  it('after it, the parser takes the next stream, and keeps the id', () => {
    const events: ParsedEvent[] = [];
    const parser = new EventStreamParser({ event: (event) => events.push(event) });
    parser.feed(Buffer.from('id:1\ndata:a\n\nid:2\nevent:x\ndata:b\r'));
    parser.end();
    parser.feed(Buffer.from('\uFEFFdata:c\n\n'));
    assert.deepEqual(events, [message('a', '1'), message('c', '1')]);
  });
});

describe('limits', () => {
  const small = { maxLineBytes: 16, maxEventBytes: 20 };
  it('a line of the limit passes, one more byte does not, whatever the cuts', () => {
    for (const pieces of everySplit(`data:${'x'.repeat(11)}\n\n`))
      assert.equal(parsePieces(pieces, small).events.length, 1);
    for (const line of [`data:${'x'.repeat(12)}\n\n`, `:${'x'.repeat(16)}\n`, `:${'x'.repeat(16)}`]) {
      for (const pieces of everySplit(line)) {
        assert.throws(() => parsePieces(pieces, small), {
          code: 'ERR_LIMIT_EXCEEDED',
          limit: 'maxLineBytes',
          initiator: 'remote',
        });
      }
    }
  });
  it('data of the limit passes, one more byte does not', () => {
    const lines = 'data:123456789\ndata:123456789\n';
    for (const pieces of everySplit(`${lines}\n`)) assert.equal(parsePieces(pieces, small).events.length, 1);
    for (const pieces of everySplit(`${lines}data\n\n`)) {
      assert.throws(() => parsePieces(pieces, small), { code: 'ERR_LIMIT_EXCEEDED', limit: 'maxEventBytes' });
    }
  });
  it('count per event, not per stream', () => {
    assert.equal(parsePieces([Buffer.from('data:123456789\n\n'.repeat(10))], small).events.length, 10);
  });
  for (const [name, value] of [
    ['maxLineBytes', 0],
    ['maxEventBytes', 1.5],
    ['maxLines', 1],
  ] as const) {
    it(`${name}: ${value} is refused`, () => {
      assert.throws(() => new EventStreamParser({ event: () => {} }, { limits: { [name]: value } }), {
        code: 'ERR_INVALID_ARGUMENT',
      });
    });
  }
});
