// Row 27: indexes, cursors and keys that nobody was given.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, longPollHandler } from '../../src/push/index.js';
import { ask, serve, type EventServer, type JsonAnswer } from '../support/push-json.js';

interface Keys extends AsyncDisposable {
  readonly log: EventLog;
  get(path: string): Promise<JsonAnswer>;
}

async function startKeys(): Promise<Keys> {
  const log = new EventLog({ history: { events: 5 } });
  const handler = longPollHandler(log, { timeout: 50 });
  const server: EventServer = await serve((req, res) => handler(req, res));
  for (let n = 1; n <= 20; n++) log.publish('a', `v${n}`);
  return {
    log,
    get: (path) => ask(`${server.url}/v2/keys${path}`),
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

const codeOf = ({ lines }: JsonAnswer): unknown => (lines[0] as { readonly errorCode?: number } | undefined)?.errorCode;

describe('indexes', () => {
  for (const [index, status, code] of [
    ['1', 400, 401],
    ['15', 400, 401],
    ['22', 400, 401],
    ['1000000', 400, 401],
    ['9007199254740991', 400, 401],
    ['9007199254740993', 400, 401],
    ['18446744073709551615', 400, 401],
    ['99999999999999999999', 400, 203],
    ['1'.repeat(8000), 400, 203],
    ['-9223372036854775808', 400, 203],
    ['NaN', 400, 203],
    ['Infinity', 400, 203],
    ['١', 400, 203],
    ['1\u0000', 400, 203],
  ] as const) {
    it(`${index.length > 30 ? `${index.length} digits` : JSON.stringify(index)}: error ${code}`, async () => {
      await using keys = await startKeys();
      for (const more of ['', '&stream=true', '&recursive=true']) {
        const answer = await keys.get(`/a?wait=true&waitIndex=${encodeURIComponent(index)}${more}`);
        assert.deepEqual([answer.status, codeOf(answer)], [status, code]);
      }
      assert.equal(keys.log.subscribers().length, 0);
    });
  }

  it('the gap between what was asked for and what is there is told, not hidden', async () => {
    await using keys = await startKeys();
    for (let index = 1; index <= 15; index++) {
      assert.equal(codeOf(await keys.get(`/a?wait=true&waitIndex=${index}`)), 401);
    }
    for (let index = 16; index <= 20; index++) {
      const { lines } = await keys.get(`/a?wait=true&waitIndex=${index}`);
      assert.equal((lines[0] as { readonly node: { readonly modifiedIndex: number } }).node.modifiedIndex, index);
    }
  });
});

describe('cursors', () => {
  it('that no log gave out are refused before anything is followed', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    const forged = [
      'x',
      '.',
      `${log.origin}`,
      `${log.origin}zzz`,
      `${log.origin}1.${log.origin}2`,
      `${log.origin}1.`,
      'a'.repeat(10_000),
      '%00',
      '"><script>',
    ];
    for (const cursor of forged) {
      for (const more of ['&wait=true', '', '&wait=true&stream=true']) {
        const answer = await get(`/a?cursor=${encodeURIComponent(cursor)}${more}`);
        assert.deepEqual([answer.status, codeOf(answer)], [400, 209], cursor.slice(0, 40));
        assert.equal(answer.headers['content-type'], 'application/json');
      }
    }
    assert.equal(log.stats().followers['long-poll'] ?? 0, 0);
  });

  it('of an unknown run bring a gap first', async () => {
    await using keys = await startKeys();
    const { lines } = await keys.get('/a?wait=true&cursor=zzzzzzzz1');
    assert.equal((lines[0] as { readonly gap: { readonly reason: string } }).gap.reason, 'unknown-origin');
  });
});

describe('keys', () => {
  it('that are asked for without waiting leave no trace', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    for (let i = 0; i < 200; i++) assert.equal((await get(`/${i}?recursive=${i % 2 === 0}`)).status, 404);
    assert.deepEqual(log.streams(), ['a']);
    assert.equal(log.stats().history.streams, 1);
  });
  it('that are waited for in vain leave none either', async () => {
    await using keys = await startKeys();
    const { log, get } = keys;
    await Promise.all(Array.from({ length: 50 }, (_, i) => get(`/none/${i}?wait=true&recursive=${i % 2 === 0}`)));
    assert.equal(log.subscribers().length, 0);
    assert.equal(log.stats().history.streams, 1);
  });
  it('are names and no patterns, whatever their form', async () => {
    await using keys = await startKeys();
    const { get } = keys;
    for (const path of ['/*', '/%2A', '/a*', '/x/../*', '/%252A']) {
      const { status } = await get(`${path}?wait=true`);
      assert.equal(status, path === '/%252A' ? 200 : 400, path);
    }
    assert.equal((await get('/../a')).status, 400);
    assert.equal((await get(`/${'k'.repeat(257)}?wait=true`)).status, 400);
    assert.equal((await get('/a%00b?wait=true')).status, 400);
    assert.equal((await get('/a%0d%0aSet-Cookie:x?wait=true')).status, 400);
    assert.equal((await get('/%ff')).status, 400);
  });
});
