import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { snapshotAt } from '../../../src/apiserver/snapshot.js';
import { MemoryStore, type Pod } from '../../../src/apiserver/index.js';
import { FakeRuntime, send, testPod, withServer } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';
const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };

interface ListBody {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata: {
    readonly resourceVersion?: string;
    readonly continue?: string;
    readonly remainingItemCount?: number;
  };
  readonly items: readonly { readonly metadata: { readonly name: string } }[];
  readonly rows: readonly { readonly cells: readonly string[] }[];
}

async function list(url: string, query: Record<string, string | number>, headers = {}): Promise<ListBody> {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) search.set(name, String(value));
  return JSON.parse((await send(`${url}${PODS}?${search}`, { headers })).text) as ListBody;
}

const names = (body: ListBody): string => body.items.map(({ metadata }) => metadata.name).join('');

/** Five pods, a to e. */
function five(capacity?: number): FakeRuntime {
  const runtime = new FakeRuntime(capacity);
  for (const name of ['c', 'd', 'e']) runtime.pods.put(testPod(name));
  return runtime;
}

describe('a list in chunks', () => {
  it('is of one version, whatever happens between its chunks', async () => {
    await withServer(
      {},
      async ({ url }, runtime) => {
        const first = await list(url, { limit: 2 });
        assert.deepEqual([names(first), first.metadata.remainingItemCount], ['ab', 3]);
        runtime.pods.delete('default', 'd');
        runtime.pods.put(testPod('bb'));
        runtime.pods.put(testPod('c', { ready: false }));
        const second = await list(url, { limit: 2, continue: first.metadata.continue ?? '' });
        assert.deepEqual([names(second), second.metadata.remainingItemCount], ['cd', 1]);
        assert.equal(second.metadata.resourceVersion, first.metadata.resourceVersion);
        const third = await list(url, { limit: 2, continue: second.metadata.continue ?? '' });
        assert.equal(names(third), 'e');
        assert.deepEqual(third.metadata, { resourceVersion: first.metadata.resourceVersion });
        assert.equal(names(await list(url, {})), 'abbbce');
      },
      five(),
    );
  });

  it('counts what is selected, and not how many remain', async () => {
    await withServer(
      {},
      async ({ url }) => {
        const query = { limit: 2, fieldSelector: 'metadata.name!=b' };
        const first = await list(url, query);
        assert.deepEqual([names(first), first.metadata.remainingItemCount], ['ac', undefined]);
        const second = await list(url, { ...query, continue: first.metadata.continue ?? '' });
        assert.deepEqual([names(second), second.metadata.continue], ['de', undefined]);
      },
      five(),
    );
  });

  it('comes as tables too', async () => {
    await withServer({}, async ({ url }) => {
      const first = await list(url, { limit: 1 }, TABLE);
      assert.deepEqual([first.rows[0]?.cells[0], first.metadata.remainingItemCount], ['a', 1]);
      const second = await list(url, { limit: 1, continue: first.metadata.continue ?? '' }, TABLE);
      assert.deepEqual([second.rows[0]?.cells[0], second.metadata.continue], ['b', undefined]);
    });
  });

  it('that took too long ends with 410, and a token to go on with in the current state', async () => {
    await withServer(
      {},
      async ({ url }, runtime) => {
        const first = await list(url, { limit: 2 });
        for (let count = 0; count < 9; count++) runtime.pods.put(testPod('f'));
        const expired = await list(url, { limit: 2, continue: first.metadata.continue ?? '' });
        assert.deepEqual([expired.code, expired.reason], [410, 'Expired']);
        assert.match(expired.message ?? '', /continue parameter is too old/);
        const rest = await list(url, { continue: expired.metadata.continue ?? '' });
        assert.equal(names(rest), 'cdef');
      },
      five(4),
    );
  });

  it('is refused for tokens and combinations that mean nothing', async () => {
    await withServer({}, async ({ url }) => {
      const { metadata } = await list(url, { limit: 1 });
      const token = metadata.continue ?? '';
      const forged = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      for (const [query, code] of [
        [{ continue: 'nonsense' }, 400],
        [{ continue: forged({ v: 1, rv: -1, start: 'a' }) }, 400],
        [{ continue: forged({ v: 1, rv: 1e9, start: 'a' }) }, 400],
        [{ continue: forged({ v: 2, rv: 1, start: 'a' }) }, 400],
        [{ continue: forged(null) }, 400],
        [{ continue: token, resourceVersion: 3 }, 400],
        [{ continue: token, resourceVersion: 0 }, undefined],
        [{ limit: -1 }, 400],
        [{ limit: 'x' }, 400],
      ] as const) {
        assert.equal((await list(url, query)).code, code, JSON.stringify(query));
      }
    });
  });
});

describe('resourceVersionMatch', () => {
  it('asks for a version exactly, or for one at least as new', async () => {
    await withServer(
      {},
      async ({ url }, runtime) => {
        const { version } = runtime.pods.list();
        runtime.pods.delete('default', 'a');
        const exact = await list(url, { resourceVersion: version, resourceVersionMatch: 'Exact' });
        assert.deepEqual([names(exact), exact.metadata.resourceVersion], ['abcde', String(version)]);
        const newer = await list(url, { resourceVersion: version, resourceVersionMatch: 'NotOlderThan' });
        assert.equal(names(newer), 'bcde');
        assert.equal(names(await list(url, { resourceVersion: version })), 'bcde');
        // The old meaning of a version beside a limit.
        assert.equal(names(await list(url, { resourceVersion: version, limit: 1 })), 'a');
        assert.equal(names(await list(url, { resourceVersion: 0, limit: 1 })), 'b');
        assert.equal((await list(url, { resourceVersion: 1, resourceVersionMatch: 'Exact' })).code, 410);
        assert.equal((await list(url, { resourceVersion: 999 })).code, 504);
      },
      five(4),
    );
  });

  for (const [query, message] of [
    [{ resourceVersionMatch: 'Exact' }, /forbidden unless resourceVersion is provided/],
    [{ resourceVersionMatch: 'Exact', resourceVersion: 0 }, /forbidden for resourceVersion "0"/],
    [{ resourceVersionMatch: 'Near', resourceVersion: 1 }, /Unsupported value: "Near"/],
    [{ resourceVersionMatch: 'Exact', resourceVersion: 1, continue: 'x' }, /forbidden when continue is provided/],
    [{ resourceVersionMatch: 'Exact', resourceVersion: 1, watch: 'true' }, /forbidden for watch/],
  ] as const) {
    it(`is refused: ${JSON.stringify(query)}`, async () => {
      await withServer({}, async ({ url }) => {
        const { code, message: text } = await list(url, query);
        assert.equal(code, 422);
        assert.match(text ?? '', message);
      });
    });
  }
});

describe('snapshotAt', () => {
  it('takes back what came, went and changed', () => {
    const store = new MemoryStore<Pod>(undefined, 10);
    const states: { readonly version: number; readonly names: readonly string[] }[] = [];
    const remember = (): void => {
      const { items, version } = store.list();
      states.push({ version, names: items.map(({ metadata, status }) => `${metadata.name} ${status.phase}`) });
    };
    remember();
    for (const change of [
      () => store.put(testPod('b')),
      () => store.put(testPod('a')),
      () => store.put(testPod('b', {}, 'Failed')),
      () => store.delete('default', 'a'),
      () => store.put(testPod('a', {}, 'Pending')),
      () => store.delete('default', 'b'),
    ]) {
      change();
      remember();
    }
    for (const { version, names: expected } of states) {
      const snapshot = snapshotAt(store, version);
      assert.deepEqual(
        snapshot?.items.map(({ metadata, status }) => `${metadata.name} ${status.phase}`),
        expected,
      );
    }
    assert.equal(snapshotAt(new MemoryStore<Pod>(), -1), undefined);
  });
});
