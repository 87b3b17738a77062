import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { PodServer, PublishedAnswer } from '../../src/serve/index.js';
import { openStream } from '../support/push-sse.js';
import { askPod, startPods, type Asking, type Pods } from '../support/serve-pods.js';

// POST /publish, as docs/serve.md has it.

const JSON_TYPE = { 'Content-Type': 'application/json' };
const LINES = { 'Content-Type': 'application/x-ndjson' };

describe('POST /publish', () => {
  let pods: Pods;
  let first: PodServer;
  let second: PodServer;
  before(async () => {
    pods = await startPods(2, { maxBatch: 5, maxBodyBytes: 20_000, limits: { maxEventBytes: 1_000 } });
    [first, second] = pods.pods as [PodServer, PodServer];
  });
  after(async () => await pods[Symbol.asyncDispose]());

  const publish = (query: string, asking: Asking) =>
    askPod(`${first.url}/publish?${query}`, { method: 'POST', ...asking });

  it('tells the position, the event and how many pods have it', async () => {
    const { status, headers, json } = await publish('stream=told', { body: 'hello' });
    assert.equal(status, 200);
    assert.equal(headers['content-type'], 'application/json');
    assert.equal(headers['trunkline-pod'], 'pod-0');
    const { cursor, origin, n, acks } = json() as PublishedAnswer;
    const newest = first.log.newest('told');
    assert.deepEqual([origin, n, acks], [newest?.origin, newest?.n, 2]);
    assert.equal(cursor, first.log.cursor('told'));
  });

  it('gives a position behind which nothing is repeated or left out', async () => {
    const { json } = await publish('stream=position', { body: 'before' });
    await publish('stream=position', { body: 'behind' });
    const { cursor } = json() as PublishedAnswer;
    const client = await openStream(`${second.url}/events?stream=position&cursor=${cursor}`);
    await client.until(({ data }) => data.length > 0);
    assert.deepEqual(client.data, ['behind']);
    client.leave();
  });

  const bodies: readonly (readonly [what: string, headers: Record<string, string>, body: string, data: string])[] = [
    ['text', { 'Content-Type': 'text/plain' }, ' grüße\n ', ' grüße\n '],
    ['text with a charset', { 'Content-Type': 'text/plain; charset=UTF-8' }, '{"a"', '{"a"'],
    ['nothing said', {}, 'x', 'x'],
    ['what curl -d says', { 'Content-Type': 'application/x-www-form-urlencoded' }, 'a=b&c', 'a=b&c'],
    ['an empty body', {}, '', ''],
    ['JSON', JSON_TYPE, ' {"a": [1, 2]} \n', '{"a": [1, 2]}'],
    ['JSON with more digits than JavaScript has', JSON_TYPE, '12345678901234567890', '12345678901234567890'],
    ['a JSON text', JSON_TYPE, '"hello"', '"hello"'],
  ];
  for (const [what, headers, body, data] of bodies) {
    it(`takes ${what}`, async () => {
      const { status } = await publish('stream=bodies&type=t&key=', { headers, body });
      // An empty key is none that can be.
      assert.equal(status, 400);
      assert.equal((await publish('stream=bodies&type=t', { headers, body })).status, 200);
      const newest = first.log.newest('bodies');
      assert.deepEqual([newest?.data, newest?.type], [data, 't']);
    });
  }

  it('makes one event of repeats with one key, on any pod', async () => {
    const one = (await publish('stream=keys&key=k', { body: 'a' })).json() as PublishedAnswer;
    const two = (await publish('stream=keys&key=k', { body: 'b' })).json() as PublishedAnswer;
    const three = (await askPod(`${second.url}/publish?stream=keys&key=k`, { body: 'c' })).json() as PublishedAnswer;
    for (const { origin, n } of [two, three]) assert.deepEqual([origin, n], [one.origin, one.n]);
    assert.deepEqual(
      second.log.history('keys').map(({ data }) => data),
      ['a'],
    );
  });

  const wrong: readonly (readonly [what: string, status: number, query: string, asking: Asking])[] = [
    ['no stream', 400, '', { body: 'x' }],
    ['a pattern', 400, 'stream=a*', { body: 'x' }],
    ['a stream with a line break', 400, 'stream=a%0Ab', { body: 'x' }],
    ['two streams', 400, 'stream=a&stream=b', { body: 'x' }],
    ['the reserved type', 400, 'stream=a&type=gap', { body: 'x' }],
    ['a misspelt parameter', 400, 'stream=a&akc=all', { body: 'x' }],
    ['an ack that is none', 400, 'stream=a&ack=some', { body: 'x' }],
    ['a timeout of 0', 400, 'stream=a&timeout=0', { body: 'x' }],
    ['a timeout beyond a minute', 400, 'stream=a&timeout=60001', { body: 'x' }],
    ['batch=1', 400, 'stream=a&batch=1', { body: '[]', headers: JSON_TYPE }],
    ['JSON that is none', 400, 'stream=a', { body: '{', headers: JSON_TYPE }],
    ['bytes that are no UTF-8', 400, 'stream=a', { body: Buffer.from([0xff]) }],
    ['another charset', 415, 'stream=a', { body: 'x', headers: { 'Content-Type': 'text/plain; charset=latin1' } }],
    ['another type', 415, 'stream=a', { body: 'x', headers: { 'Content-Type': 'image/png' } }],
    ['a compressed body', 415, 'stream=a', { body: 'x', headers: { 'Content-Encoding': 'gzip' } }],
    ['an event that is too large', 413, 'stream=a', { body: 'x'.repeat(1_001) }],
    ['a body that is too large', 413, 'stream=a', { body: 'x'.repeat(20_001) }],
    [
      'a body that grows too large',
      413,
      'stream=a',
      { body: 'x'.repeat(20_001), headers: { 'Transfer-Encoding': 'chunked' } },
    ],
    ['a batch of text', 415, 'stream=a&batch=true', { body: 'x' }],
    ['a batch that is no list', 400, 'stream=a&batch=true', { body: '{}', headers: JSON_TYPE }],
    ['a batch with a key for all', 400, 'stream=a&key=k', { body: '{"data":1}', headers: LINES }],
    ['a batch with too many', 413, 'stream=a', { body: '{"data":1}\n'.repeat(6), headers: LINES }],
    ['an event without data', 400, 'stream=a', { body: '{"data":1}\n{}', headers: LINES }],
    ['an event with another member', 400, 'stream=a', { body: '{"data":1,"tpye":"t"}', headers: LINES }],
    ['an event with a number for its stream', 400, '', { body: '{"data":1,"stream":5}', headers: LINES }],
    [
      'a batch with one event too large',
      413,
      'stream=a',
      { body: `{"data":1}\n{"data":"${'x'.repeat(1_001)}"}`, headers: LINES },
    ],
    ['GET', 405, 'stream=a', { method: 'GET' }],
    ['PUT', 405, 'stream=a', { method: 'PUT', body: 'x' }],
  ];
  for (const [what, status, query, asking] of wrong) {
    it(`refuses ${what} with ${status}, and publishes nothing`, async () => {
      const { n } = first.log.publish('marker', '1');
      const answer = await publish(query, asking);
      assert.equal(answer.status, status, answer.text);
      const { error, code } = answer.json() as { error: string; code: string };
      assert.match(code, /^ERR_[A-Z_]+$/);
      assert.ok(error.length > 5);
      assert.equal(first.log.publish('marker', '2').n, n + 1);
    });
  }

  it('says which event of a batch is wrong', async () => {
    const { json } = await publish('stream=a', { body: '{"data":1}\n{"data":2,"type":"gap"}', headers: LINES });
    assert.match((json() as { error: string }).error, /^event 2 of the batch: /);
  });

  it('publishes batches in order, in lines or as an array', async () => {
    const events = [{ data: 'one' }, { stream: 'other', data: { two: 2 }, type: 'u' }, { data: null, key: 'k' }];
    for (const [stream, query, headers, body] of [
      ['lines', 'stream=lines&type=t', LINES, `${events.map((one) => JSON.stringify(one)).join('\r\n')}\n\n`],
      ['array', 'stream=array&type=t&batch=true', JSON_TYPE, JSON.stringify(events)],
    ] as const) {
      const { status, json } = await publish(query, { headers, body });
      assert.equal(status, 200);
      const { events: told } = json() as { events: PublishedAnswer[] };
      const [begin = 0] = told.map(({ n }) => n);
      assert.deepEqual(
        told.map(({ n, acks }) => [n - begin, acks]),
        [
          [0, 2],
          [1, 2],
          [2, 2],
        ],
      );
      assert.deepEqual(
        second.log.history(stream).map(({ data, type, key }) => [data, type, key]),
        [
          ['one', 't', undefined],
          ['null', 't', 'k'],
        ],
      );
      assert.deepEqual([second.log.newest('other')?.data, second.log.newest('other')?.type], ['{"two":2}', 'u']);
    }
  });

  it('answers an empty batch with no events', async () => {
    const { status, json } = await publish('stream=a&batch=true', { headers: JSON_TYPE, body: '[]' });
    assert.deepEqual([status, json()], [200, { events: [] }]);
  });

  it('reads a body that waits to be asked for', async () => {
    const { status } = await publish('stream=a', { headers: { Expect: '100-continue' }, body: 'x' });
    assert.equal(status, 200);
  });
});
