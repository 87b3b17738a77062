import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonLogger, textLogger } from '../../../src/serve/logger.js';

const wallClock = { now: () => new Date(Date.UTC(2026, 10, 21, 12, 30, 1, 5)) };

function written(
  make: typeof jsonLogger,
  level?: 'debug' | 'warn',
): { lines: string[]; logger: ReturnType<typeof make> } {
  const lines: string[] = [];
  const options = level === undefined ? { wallClock } : { wallClock, level };
  return { lines, logger: make((line) => void lines.push(line), options) };
}

describe('jsonLogger', () => {
  it('writes one document per line', () => {
    const { lines, logger } = written(jsonLogger);
    logger.info({ url: 'http://a', n: 5 }, 'ready');
    assert.deepEqual(lines, [
      '{"time":"2026-11-21T12:30:01.005Z","level":"info","msg":"ready","url":"http://a","n":5}\n',
    ]);
  });

  it('leaves out what is below its level', () => {
    const { lines, logger } = written(jsonLogger, 'warn');
    logger.debug({}, '1');
    logger.info({}, '2');
    logger.warn({}, '3');
    logger.error({}, '4');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { msg: string }).msg),
      ['3', '4'],
    );
  });

  it('writes errors with code and cause, and what JSON cannot hold as text', () => {
    const { lines, logger } = written(jsonLogger, 'debug');
    const cause = new Error('no route');
    const err = Object.assign(new Error('failed', { cause }), { code: 'EFAIL' });
    const ring: { self?: object } = {};
    ring.self = ring;
    logger.debug({ err, big: 5n, call: Symbol('s'), list: [1n], ring, nothing: undefined }, 'x');
    const line = JSON.parse(lines[0] ?? '') as Record<string, unknown>;
    const told = line['err'] as { message: string; code: string; stack: string; cause: { message: string } };
    assert.deepEqual([told.message, told.code, told.cause.message], ['failed', 'EFAIL', 'no route']);
    assert.match(told.stack, /logger\.test/);
    assert.deepEqual([line['big'], line['call'], line['list']], ['5', 'Symbol(s)', ['1']]);
  });

  it('keeps what clients have sent on its line', () => {
    const { lines, logger } = written(jsonLogger);
    logger.info({ url: 'a\n{"level":"error"}' }, 'b\nc');
    assert.equal(lines[0]?.split('\n').length, 2);
  });
});

describe('textLogger', () => {
  it('writes lines for people', () => {
    const { lines, logger } = written(textLogger);
    logger.warn({ peer: 'pod-1', why: 'too slow', n: 5, list: [1], nothing: undefined }, 'link ended');
    assert.deepEqual(lines, ['12:30:01.005 warn  link ended  peer=pod-1  why="too slow"  n=5  list=[1]\n']);
  });

  it('keeps what clients have sent on its line', () => {
    const { lines, logger } = written(textLogger);
    logger.info({ url: 'a\r\n\u001b[31mb\u2028' }, 'c\nd');
    assert.equal(lines[0]?.split('\n').length, 2);
    assert.ok(!/[\u001b\u2028\r]/.test(lines[0] ?? ''));
  });
});
