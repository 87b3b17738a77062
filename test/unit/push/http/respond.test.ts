import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { LimitExceededError } from '../../../../src/errors/index.js';
import { silentLogger } from '../../../../src/logger/logger.js';
import { addVary, answer, answerFollowFailure } from '../../../../src/push/http/respond.js';
import { answerTo, listen } from '../../../support/push-sse.js';

function response(): ServerResponse {
  return new ServerResponse(new IncomingMessage(new Socket()));
}

describe('addVary', () => {
  for (const [present, added] of [
    [undefined, 'Origin'],
    ['Cookie', 'Cookie, Origin'],
    ['Cookie, origin', 'Cookie, origin'],
    ['*', '*'],
    [['Cookie', 'Accept'], 'Cookie, Accept, Origin'],
  ] as const) {
    it(`${String(present)} becomes ${added}`, () => {
      const res = response();
      if (present !== undefined) res.setHeader('Vary', present);
      addVary(res, 'Origin');
      assert.equal(String(res.getHeader('vary')), added);
    });
  }
});

describe('answers', () => {
  it('of a full log: 503; of what nobody expected: 500', async () => {
    let failure: unknown = new LimitExceededError('maxStreams', 'too many streams');
    await using server = await listen((req, res) => answerFollowFailure(req, res, failure, silentLogger));
    const url = `http://127.0.0.1:${server.port}/`;
    const full = await answerTo(url);
    assert.equal(full.status, 503);
    assert.equal(full.headers['retry-after'], '5');
    assert.equal(full.body, '{"error":"too many streams","code":"ERR_LIMIT_EXCEEDED"}');
    failure = new RangeError('at /secret/path');
    const unexpected = await answerTo(url);
    assert.equal(unexpected.status, 500);
    assert.doesNotMatch(unexpected.body, /secret/);
  });

  it('come once: what was answered already is left alone', async () => {
    await using server = await listen((req, res) => {
      res.writeHead(200);
      res.write('first');
      answer(req, res, 500, 'second');
      res.end();
    });
    const { status, body } = await answerTo(`http://127.0.0.1:${server.port}/`);
    assert.deepEqual([status, body], [200, 'first']);
  });
});
