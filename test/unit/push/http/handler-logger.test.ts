import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { silentLogger } from '../../../../src/logger/logger.js';
import { handlerLogger } from '../../../../src/push/http/handler-logger.js';
import { answerTo, servePush } from '../../../support/push-sse.js';

/** Warnings come in a later tick, in order. */
async function warningsOf(work: () => void): Promise<string[]> {
  const seen: string[] = [];
  const last = `last ${Math.PI}`;
  const listener = ({ message }: Error): void => void seen.push(message);
  process.on('warning', listener);
  try {
    work();
    process.emitWarning(last);
    while (seen.at(-1) !== last) await once(process, 'warning');
  } finally {
    process.off('warning', listener);
  }
  return seen.slice(0, -1);
}

describe('a handler without a logger', () => {
  it('warns of a hook that throws, once, and tells the client nothing', async () => {
    await using push = await servePush({
      authorize: () => {
        throw new Error('boom');
      },
    });
    const warning = once(process, 'warning') as Promise<[Error & { readonly detail?: string }]>;
    const { status, body } = await answerTo(`${push.url}/?stream=a`);
    const [{ name, message, detail }] = await warning;
    assert.deepEqual([name, message], ['TrunklineWarning', 'a push request failed: boom']);
    assert.match(String(detail), /handler-logger/);
    assert.deepEqual([status, body.includes('boom')], [500, false]);
  });

  it('repeats nothing, and does not go on for ever', async () => {
    const logger = handlerLogger(undefined);
    const warnings = await warningsOf(() => {
      logger.debug({}, 'a');
      logger.info({}, 'b');
      logger.warn({}, 'c');
      for (const n of [0, 0, ...Array.from({ length: 30 }, (_, one) => one)]) {
        logger.error({ err: new Error(String(n)) }, 'it failed');
      }
    });
    assert.deepEqual(
      warnings,
      Array.from({ length: 16 }, (_, n) => `it failed: ${n}`),
    );
  });

  it('says what is wrong where there is no error', async () => {
    const logger = handlerLogger(undefined);
    assert.deepEqual(
      await warningsOf(() => {
        logger.error({}, 'alone');
        logger.error({ err: 'text' }, 'thrown');
      }),
      ['alone', 'thrown: text'],
    );
  });

  it('with one warns of nothing', async () => {
    const told: string[] = [];
    const logger = handlerLogger({ ...silentLogger, error: (_, message) => void told.push(message) });
    assert.deepEqual(await warningsOf(() => logger.error({ err: new Error('x') }, 'it failed')), []);
    assert.deepEqual(told, ['it failed']);
  });
});

describe('a logger', () => {
  it('that lacks a level is refused', () => {
    for (const logger of [{}, null, { debug() {}, info() {}, warn() {} }]) {
      assert.throws(() => handlerLogger(logger as never), { code: 'ERR_INVALID_ARGUMENT' });
    }
  });
});

describe('a request that is no good', () => {
  it('is a hint for the program when its own function names no stream', async () => {
    const hints: object[] = [];
    await using push = await servePush({
      stream: () => [],
      logger: { ...silentLogger, debug: (fields) => void hints.push(fields) },
    });
    assert.equal((await answerTo(`${push.url}/`)).status, 400);
    assert.match(JSON.stringify(hints), /no stream is named/);
  });
});

describe('a log that is full', () => {
  it('is answered by 503 with Retry-After, and is no failure of the handler', async () => {
    const failures: string[] = [];
    const logger = { ...silentLogger, error: (_: object, message: string) => void failures.push(message) };
    await using push = await servePush({ wildcards: true, logger }, { limits: { maxPatterns: 1 } });
    push.log.subscribe('b*');
    const { status, headers } = await answerTo(`${push.url}/?stream=a*`);
    assert.deepEqual([status, headers['retry-after'], failures], [503, '5', []]);
  });
});
