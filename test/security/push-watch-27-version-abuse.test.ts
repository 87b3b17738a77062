// Row 27: versions, tokens and numbers that nobody was given.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EventLog, watchHandler } from '../../src/push/index.js';
import { ask, serve, type JsonAnswer } from '../support/push-json.js';

interface Watched extends AsyncDisposable {
  readonly log: EventLog;
  get(query: string): Promise<JsonAnswer>;
}

async function startWatched(): Promise<Watched> {
  const log = new EventLog({ history: { events: 5 } });
  for (let n = 1; n <= 20; n++) log.publish('a', `v${n}`);
  const handler = watchHandler(log, { stream: 'a' });
  const server = await serve((req, res) => handler(req, res));
  return {
    log,
    get: (query) => ask(`${server.url}/?${query}`),
    async [Symbol.asyncDispose]() {
      log.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

interface StatusBody {
  readonly kind: string;
  readonly code: number;
}

describe('versions that no log gave out', () => {
  for (const version of ['junk', '1', '-1', '00', '.', 'a'.repeat(10_000), '%00', '<script>', '{}']) {
    it(`${version.length > 20 ? `${version.length} characters` : JSON.stringify(version)}: 400, and nothing is followed`, async () => {
      await using watched = await startWatched();
      for (const query of [
        `watch=1&resourceVersion=${encodeURIComponent(version)}`,
        `resourceVersion=${encodeURIComponent(version)}`,
        `continue=${encodeURIComponent(version)}`,
        `watch=1&sendInitialEvents=1&resourceVersionMatch=NotOlderThan&resourceVersion=${encodeURIComponent(version)}`,
      ]) {
        const { status, lines } = await watched.get(query);
        const [body] = lines as readonly StatusBody[];
        assert.deepEqual([status, body?.kind, body?.code], [400, 'Status', 400], query.slice(0, 60));
      }
      assert.deepEqual(watched.log.stats().followers, {});
    });
  }

  it('those ahead of the run are refused, those behind the history told', async () => {
    await using watched = await startWatched();
    const { log, get } = watched;
    assert.equal((await get(`watch=1&resourceVersion=${log.origin}L`)).status, 400);
    const { status, lines } = await get(`watch=1&resourceVersion=${log.origin}1`);
    const [event] = lines as readonly { readonly type: string; readonly object: StatusBody }[];
    assert.deepEqual([status, lines.length, event?.type, event?.object.code], [200, 1, 'ERROR', 410]);
  });
});

describe('numbers', () => {
  it('are bounded', async () => {
    await using watched = await startWatched();
    for (const text of ['-1', '1e9', 'NaN', '0x10', '1'.repeat(17), '9'.repeat(5000)]) {
      assert.equal((await watched.get(`watch=1&timeoutSeconds=${text}`)).status, 400, text.slice(0, 20));
      assert.equal((await watched.get(`limit=${text}`)).status, 400, text.slice(0, 20));
    }
    const { status, lines } = await watched.get('limit=9007199254740991');
    assert.deepEqual([status, (lines[0] as { readonly items: readonly unknown[] }).items.length], [200, 5]);
  });
});
