import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import type { Attributes, Pod } from '../../../src/apiserver/index.js';
import { FakeRuntime, send, testPod, withServer, type Answer } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';

/** Marks pods as terminating, and lets the test say when they are gone. */
class DeletingRuntime extends FakeRuntime {
  readonly graces: number[] = [];

  delete(pod: Pod, { gracePeriodSeconds }: { gracePeriodSeconds: number }): Pod {
    this.graces.push(gracePeriodSeconds);
    const deletionTimestamp = '2026-01-01T00:00:30Z';
    const metadata = { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: gracePeriodSeconds };
    return this.pods.put({ ...pod, metadata });
  }
}

type Remove = (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>;

async function withDeletion(
  test: (remove: Remove, runtime: DeletingRuntime, url: string) => Promise<void>,
): Promise<void> {
  const runtime = new DeletingRuntime();
  const serve = ({ url }: { url: string }): Promise<void> => {
    const remove: Remove = (path, body, headers = {}) => {
      if (body === undefined) return send(url + path, { method: 'DELETE', headers });
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const length = 'Transfer-Encoding' in headers ? {} : { 'Content-Length': String(Buffer.byteLength(text)) };
      return send(url + path, { method: 'DELETE', headers: { ...length, ...headers }, body: text });
    };
    return test(remove, runtime, url);
  };
  await withServer({ runtime }, serve, runtime);
}

const messageOf = ({ text }: Answer): string => (JSON.parse(text) as { message: string }).message;

describe('deleting a pod', () => {
  it('answers with the pod, marked as terminating, which a watch sees go', async () => {
    await withDeletion(async (remove, runtime, url) => {
      const watch = send(`${url}${PODS}?watch=true&fieldSelector=metadata.name%3Da&timeoutSeconds=1`);
      const answer = await remove(`${PODS}/a`, {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        propagationPolicy: 'Background',
      });
      assert.equal(answer.code, 200);
      const pod = JSON.parse(answer.text) as Pod;
      assert.deepEqual([pod.kind, pod.metadata.name, pod.metadata.deletionGracePeriodSeconds], ['Pod', 'a', 30]);
      assert.equal(pod.metadata.resourceVersion, runtime.pods.get('default', 'a')?.metadata.resourceVersion);
      runtime.pods.delete('default', 'a');
      assert.equal((await remove(`${PODS}/a`)).code, 404);
      const events = (await watch).text.trim().split('\n');
      assert.deepEqual(
        events.map((line) => (JSON.parse(line) as { type: string }).type),
        ['ADDED', 'MODIFIED', 'DELETED'],
      );
    });
  });

  const graces: readonly (readonly [string, unknown, number])[] = [
    ['', undefined, 30],
    ['', { gracePeriodSeconds: 5 }, 5],
    ['?gracePeriodSeconds=7', undefined, 7],
    // A body takes the place of the query as a whole.
    ['?gracePeriodSeconds=7', {}, 30],
    ['', { gracePeriodSeconds: 0 }, 0],
    ['', { gracePeriodSeconds: -3 }, 1],
    ['', { gracePeriodSeconds: null, preconditions: null, dryRun: null }, 30],
    ['', { gracePeriodSeconds: 1e15 }, 365 * 24 * 3600],
  ];
  for (const [query, body, seconds] of graces) {
    it(`${query} ${JSON.stringify(body)} gives ${seconds} s`, async () => {
      await withDeletion(async (remove, runtime) => {
        assert.equal((await remove(`${PODS}/a${query}`, body)).code, 200);
        assert.deepEqual(runtime.graces, [seconds]);
      });
    });
  }

  it('takes the period of the pod itself, and none for one that has ended', async () => {
    await withDeletion(async (remove, runtime) => {
      const pod = testPod('own');
      runtime.pods.put({ ...pod, spec: { ...pod.spec, terminationGracePeriodSeconds: 12 } });
      runtime.pods.put(testPod('over', {}, 'Succeeded'));
      await remove(`${PODS}/own`);
      await remove(`${PODS}/over`);
      assert.deepEqual(runtime.graces, [12, 0]);
    });
  });

  it('a second time may only shorten the grace period', async () => {
    await withDeletion(async (remove, runtime) => {
      for (const gracePeriodSeconds of [20, 25, 20, 3, undefined]) {
        assert.equal((await remove(`${PODS}/a`, { gracePeriodSeconds })).code, 200);
      }
      assert.deepEqual(runtime.graces, [20, 3]);
    });
  });

  it('does nothing for a dry run, nor when the pod is another', async () => {
    await withDeletion(async (remove, runtime) => {
      assert.equal((await remove(`${PODS}/a`, { dryRun: ['All'] })).code, 200);
      assert.equal((await remove(`${PODS}/a?dryRun=All`)).code, 200);
      const other = await remove(`${PODS}/a`, { preconditions: { uid: 'other' } });
      assert.equal(other.code, 409);
      assert.equal(
        messageOf(other),
        'Operation cannot be fulfilled on pods "a": Precondition failed: UID in precondition: other, UID in object meta: uid-a',
      );
      assert.equal((await remove(`${PODS}/a`, { preconditions: { resourceVersion: '1' } })).code, 409);
      assert.deepEqual(runtime.graces, []);
      const { uid, resourceVersion = '' } = runtime.pods.get('default', 'a')?.metadata ?? { uid: '' };
      assert.equal((await remove(`${PODS}/a`, { preconditions: { uid, resourceVersion } })).code, 200);
      assert.deepEqual(runtime.graces, [30]);
    });
  });

  const refusals: readonly (readonly [unknown, number, RegExp])[] = [
    ['{', 400, /no JSON object/],
    ['[]', 400, /no JSON object/],
    ['null', 400, /no JSON object/],
    [{ kind: 'Pod' }, 400, /cannot be converted to DeleteOptions/],
    [{ apiVersion: 'v2' }, 400, /cannot be converted to DeleteOptions/],
    [{ gracePeriodSeconds: '1' }, 400, /gracePeriodSeconds must be a number/],
    [{ gracePeriodSeconds: 1.5 }, 400, /gracePeriodSeconds must be a whole number/],
    [{ preconditions: 'x' }, 400, /preconditions must be an object/],
    [{ preconditions: { uid: 1 } }, 400, /uid must be a string/],
    [{ dryRun: ['Some'] }, 422, /dryRun: Unsupported value/],
    [{ dryRun: 'All' }, 422, /dryRun: Unsupported value/],
    [{ propagationPolicy: 'Foreign' }, 422, /propagationPolicy: Unsupported value/],
    [{ propagationPolicy: 'Orphan', orphanDependents: true }, 422, /cannot be both set/],
  ];
  for (const [body, code, message] of refusals) {
    it(`refuses ${JSON.stringify(body)}`, async () => {
      await withDeletion(async (remove, runtime) => {
        const answer = await remove(`${PODS}/a`, body);
        assert.equal(answer.code, code);
        assert.match(messageOf(answer), message);
        assert.deepEqual(runtime.graces, []);
      });
    });
  }

  it('refuses a body that is too long, announced or not, and one of another type', async () => {
    await withDeletion(async (remove, runtime, url) => {
      const long = JSON.stringify({ padding: 'x'.repeat(64 * 1024) });
      assert.equal((await remove(`${PODS}/a`, long)).code, 413);
      assert.equal((await remove(`${PODS}/a`, long, { 'Transfer-Encoding': 'chunked' })).code, 413);
      assert.equal((await remove(`${PODS}/a`, '{}', { 'Content-Type': 'application/yaml' })).code, 415);
      assert.deepEqual(runtime.graces, []);
      assert.equal((await send(`${url}/healthz`)).code, 200);
    });
  });

  it('answers Expect: 100-continue, and forgets who leaves in the middle', async () => {
    await withDeletion(async (_remove, runtime, url) => {
      const { port } = new URL(url);
      const head = `DELETE ${PODS}/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n`;
      const waiting = connect(Number(port), '127.0.0.1');
      waiting.write(`${head}Expect: 100-continue\r\n\r\n`);
      assert.match(String((await once(waiting, 'data'))[0]), /^HTTP\/1\.1 100 Continue\r\n/);
      waiting.end('{}');
      assert.match(String((await once(waiting, 'data'))[0]), /^HTTP\/1\.1 200 /);
      waiting.destroy();
      const leaving = connect(Number(port), '127.0.0.1');
      leaving.end(`${head}\r\n{`);
      leaving.resume();
      await once(leaving, 'close');
      assert.equal((await send(`${url}/healthz`)).code, 200);
      assert.deepEqual(runtime.graces, [30]);
    });
  });

  it('is for single pods, and for who may', async () => {
    await withDeletion(async (remove, runtime, url) => {
      assert.equal((await remove(PODS)).code, 405);
      assert.equal((await remove(`${PODS}/a/status`)).code, 405);
      assert.equal((await remove('/api/v1/namespaces/default')).code, 405);
      assert.equal((await remove(`${PODS}/a`, undefined, { Origin: 'http://evil.example' })).code, 403);
      assert.equal((await send(`${url}${PODS}/a`, { method: 'POST' })).headers.allow, 'GET, HEAD, DELETE');
      const { resources } = JSON.parse((await send(`${url}/api/v1`)).text) as {
        resources: { name: string; verbs: string[] }[];
      };
      assert.ok(resources.find(({ name }) => name === 'pods')?.verbs.includes('delete'));
      assert.deepEqual(runtime.graces, []);
    });
    const runtime = new DeletingRuntime();
    const seen: Attributes[] = [];
    const authorize = (attributes: Attributes): boolean => {
      seen.push(attributes);
      return attributes.verb !== 'delete';
    };
    await withServer({ runtime, authorize }, async ({ url }) => {
      const answer = await send(`${url}${PODS}/a`, { method: 'DELETE' });
      assert.equal(answer.code, 403);
      assert.match(messageOf(answer), /^pods "a" is forbidden: .* cannot delete resource "pods"/);
      assert.deepEqual([seen[0]?.resource, seen[0]?.name], ['pods', 'a']);
    });
    assert.deepEqual(runtime.graces, []);
  });
});
