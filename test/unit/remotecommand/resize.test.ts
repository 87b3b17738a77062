import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { test } from 'node:test';
import { SizeDecoder, encodeSize } from '../../../src/remotecommand/resize-codec.js';
import { ResizeQueue } from '../../../src/remotecommand/resize-queue.js';
import type { TerminalSize } from '../../../src/remotecommand/types.js';

test('writes a line with capitalised names', () => {
  assert.equal(encodeSize({ width: 80, height: 24 }), '{"Width":80,"Height":24}\n');
});

for (const width of [-1, 65_536, 1.5, Number.NaN]) {
  test(`refuses the width ${width}`, () => {
    assert.throws(() => encodeSize({ width, height: 1 }), { code: 'ERR_INVALID_ARGUMENT' });
  });
}

const accepted: readonly (readonly [string, TerminalSize[]])[] = [
  ['{"Width":80,"Height":24}\n', [{ width: 80, height: 24 }]],
  ['{"width":80,"height":24}', [{ width: 80, height: 24 }]],
  ['{"HEIGHT":24,"wIDTH":80,"Other":1}', [{ width: 80, height: 24 }]],
  [
    '{"Width":1,"Height":2}{"Width":3,"Height":4}\r\n',
    [
      { width: 1, height: 2 },
      { width: 3, height: 4 },
    ],
  ],
  ['{"Width":1}', [{ width: 1, height: 0 }]],
  ['{"Width":65536,"Height":1}{"Width":65535,"Height":1}', [{ width: 65_535, height: 1 }]],
  ['{"Width":"80","Height":1}', []],
  ['nonsense}{"Width":1,"Height":1}', [{ width: 1, height: 1 }]],
  ['[1]', []],
];
for (const [text, sizes] of accepted) {
  test(`decodes ${JSON.stringify(text)}, whole and byte by byte`, () => {
    assert.deepEqual(new SizeDecoder().decode(text), sizes);
    const decoder = new SizeDecoder();
    assert.deepEqual(
      [...text].flatMap((character) => decoder.decode(character)),
      sizes,
    );
  });
}

test('an endless object is skipped without being kept', () => {
  const decoder = new SizeDecoder();
  for (let i = 0; i < 100; i++) assert.deepEqual(decoder.decode('{"Width":'.repeat(100)), []);
  assert.deepEqual(decoder.decode('}'), []);
  assert.deepEqual(decoder.decode('{"Width":1,"Height":2}'), [{ width: 1, height: 2 }]);
});

test('the queue gives sizes as they come and the newest to who is late', async () => {
  const source = new PassThrough();
  const sizes = new ResizeQueue(source)[Symbol.asyncIterator]();
  const first = sizes.next();
  source.write(encodeSize({ width: 1, height: 1 }));
  assert.deepEqual((await first).value, { width: 1, height: 1 });
  source.write(encodeSize({ width: 2, height: 2 }));
  source.end(encodeSize({ width: 3, height: 3 }));
  await setImmediate();
  await setImmediate();
  assert.deepEqual(await sizes.next(), { done: false, value: { width: 3, height: 3 } });
  assert.equal((await sizes.next()).done, true);
});

test('the queue ends when its source fails, and is empty without one', async () => {
  const source = new PassThrough();
  const next = new ResizeQueue(source)[Symbol.asyncIterator]().next();
  source.destroy(new Error('lost'));
  assert.equal((await next).done, true);
  assert.equal((await new ResizeQueue()[Symbol.asyncIterator]().next()).done, true);
});
