import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { APIServer, type Attributes, type UserInfo } from '../../../src/apiserver/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { FakeRuntime, send, testPod, withServer, type Answer } from './support.js';

interface StatusBody {
  readonly kind: string;
  readonly status: string;
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

const PODS = '/api/v1/namespaces/default/pods';
const UPGRADE = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1', 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };
const UPGRADE_LINES = Object.entries(UPGRADE)
  .map(([name, value]) => `${name}: ${value}\r\n`)
  .join('');
const json = <T>({ text }: Answer): T => JSON.parse(text) as T;

/** Sends bytes as they are; resolves with all that comes until the server closes. */
async function sendRaw(url: string, text: string): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += String(chunk);
  });
  socket.on('error', () => {});
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

function assertStatus(answer: Answer, code: number, message: RegExp): void {
  const body = json<StatusBody>(answer);
  assert.equal(answer.code, code);
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  assert.deepEqual([body.kind, body.status, body.code], ['Status', 'Failure', code]);
  assert.match(body.message, message);
}

describe('APIServer', () => {
  it('answers discovery, version, health and the index', async () => {
    await withServer({}, async ({ url }) => {
      assert.deepEqual(json<{ versions: string[] }>(await send(`${url}/api`)).versions, ['v1']);
      assert.equal(json<{ kind: string }>(await send(`${url}/apis/`)).kind, 'APIGroupList');
      const list = json<{ resources: { name: string; verbs: string[] }[] }>(await send(`${url}/api/v1`));
      const verbs = new Map(list.resources.map(({ name, verbs: of }) => [name, of]));
      assert.deepEqual(verbs.get('pods'), ['get', 'list', 'watch']);
      assert.deepEqual(verbs.get('pods/exec'), ['create', 'get']);
      assert.equal(json<{ major: string }>(await send(`${url}/version`)).major, '1');
      for (const path of ['/healthz', '/livez', '/readyz']) assert.equal((await send(url + path)).text, 'ok');
      const { paths } = json<{ paths: string[] }>(await send(`${url}/`));
      assert.deepEqual(paths, paths.toSorted());
      for (const path of paths) assert.equal((await send(url + path)).code, 200, path);
      assert.equal((await send(`${url}/version`, { method: 'HEAD' })).text, '');
    });
  });

  it('lists and gets pods, with selectors and as tables', async () => {
    await withServer({}, async ({ url }, runtime) => {
      runtime.pods.put({ ...testPod('c'), metadata: { ...testPod('c').metadata, namespace: 'other' } });
      const names = async (path: string): Promise<string[]> =>
        json<{ items: { metadata: { name: string } }[] }>(await send(url + path)).items.map((pod) => pod.metadata.name);
      assert.deepEqual(await names(PODS), ['a', 'b']);
      assert.deepEqual(await names('/api/v1/pods'), ['a', 'b', 'c']);
      assert.deepEqual(await names('/api/v1/namespaces/empty/pods'), []);
      assert.deepEqual(await names(`${PODS}?labelSelector=app%21%3Da`), ['b']);
      assert.deepEqual(await names(`${PODS}?fieldSelector=metadata.name%3Da,status.phase%3DRunning`), ['a']);
      assert.deepEqual(await names(`/api/v1/pods?fieldSelector=metadata.namespace%3Dother&limit=500`), ['c']);
      const table = json<{ kind: string; rows: { cells: string[] }[] }>(
        await send(url + PODS, { headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }),
      );
      assert.deepEqual([table.kind, table.rows[0]?.cells.slice(0, 3)], ['Table', ['a', '1/1', 'Running']]);
      assert.equal(json<{ kind: string }>(await send(`${url}${PODS}/a`)).kind, 'Pod');
      assert.equal(json<{ kind: string }>(await send(`${url}/api/v1/namespaces/default`)).kind, 'Namespace');
      assert.equal(json<{ kind: string }>(await send(`${url}/api/v1/namespaces`)).kind, 'NamespaceList');
    });
  });

  const failures: readonly (readonly [string, string, number, RegExp])[] = [
    ['GET', '/nope', 404, /could not find the requested resource/],
    ['GET', '/api/v1/nodes', 404, /could not find/],
    ['GET', '/apis/apps/v1/deployments', 404, /could not find/],
    ['GET', '/api/v2/pods', 404, /could not find/],
    ['GET', '/api/v1/pods/a', 404, /could not find/],
    ['GET', `${PODS}/a/nope`, 404, /could not find/],
    ['GET', `${PODS}/a/log/more`, 404, /could not find/],
    ['GET', '/api/v1/proxy/namespaces/default/pods/a', 404, /could not find/],
    ['GET', `${PODS}/nope`, 404, /^pods "nope" not found$/],
    ['GET', '/api/v1/namespaces/nope', 404, /^namespaces "nope" not found$/],
    ['GET', `${PODS}/nope/log`, 404, /^pods "nope" not found$/],
    ['POST', PODS, 405, /does not allow this method/],
    ['DELETE', `${PODS}/a`, 405, /does not allow this method/],
    ['OPTIONS', `${PODS}/a`, 405, /does not allow this method/],
    ['DELETE', `${PODS}/a/exec`, 405, /does not allow this method/],
    ['POST', '/version', 405, /does not allow this method/],
    ['GET', `${PODS}?labelSelector=a%3Db%3Dc`, 400, /unable to parse requirement/],
    ['GET', `${PODS}?fieldSelector=nope%3D1`, 400, /field label not supported: nope/],
    ['GET', `${PODS}?limit=x`, 400, /limit/],
    ['GET', `${PODS}?includeObject=x`, 200, /^$/],
    ['GET', '/api/v1/watch', 400, /unable to determine kind and namespace/],
    ['GET', '/%ff', 400, /not valid percent-encoded/],
    ['GET', `${PODS}/a/exec?command=ls&stdout=true`, 400, /^Upgrade request required$/],
    ['POST', `${PODS}/a/attach?stdout=true`, 400, /^Upgrade request required$/],
    ['GET', `${PODS}/a/log?container=x`, 400, /^container x is not valid for pod a$/],
    ['GET', `${PODS}/a/log?tailLines=-1`, 422, /tailLines: Invalid value: -1/],
    ['GET', `${PODS}/a/log?tailLines=1.5`, 400, /tailLines/],
    ['GET', `${PODS}/a/log?limitBytes=0`, 422, /limitBytes/],
    ['GET', `${PODS}/a/log?sinceSeconds=0`, 422, /sinceSeconds/],
    ['GET', `${PODS}/a/log?sinceTime=yesterday`, 400, /sinceTime/],
    ['GET', `${PODS}/a/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z`, 422, /at most one/],
  ];
  it('answers every mistake with a Status', async () => {
    await withServer({}, async ({ url }) => {
      for (const [method, path, code, message] of failures) {
        const answer = await send(url + path, { method });
        if (code === 200) assert.equal(answer.code, 200, path);
        else assertStatus(answer, code, message);
      }
      assertStatus(await send(url + PODS, { headers: { Accept: 'text/html' } }), 406, /application\/json/);
      const { headers } = await send(url + PODS, { method: 'POST' });
      assert.equal(headers.allow, 'GET, HEAD');
    });
  });

  it('answers refused upgrades with a Status on the raw socket', async () => {
    await withServer({}, async ({ url }, runtime) => {
      const upgrade = (path: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> =>
        send(url + path, {
          method: 'POST',
          headers: { ...UPGRADE, ...headers },
          ...(body === undefined ? {} : { body }),
        });
      const get = (path: string): Promise<Answer> => send(url + path, { headers: UPGRADE });
      assertStatus(await get(PODS), 400, /serves no stream protocol/);
      assertStatus(await get('/nope'), 404, /could not find/);
      assertStatus(await upgrade(`${PODS}/nope/exec?command=ls&stdout=true`), 404, /^pods "nope" not found$/);
      assertStatus(await upgrade(`${PODS}/a/exec?command=ls&container=x&stdout=true`), 400, /container x is not valid/);
      assertStatus(await upgrade(`${PODS}/a/exec?stdout=true`), 400, /must specify a command/);
      assertStatus(await upgrade(`${PODS}/a/exec?command=ls`), 400, /at least 1 of stdin, stdout, stderr/);
      assertStatus(
        await upgrade(`${PODS}/a/exec?command=ls&stdout=true`, { Origin: 'http://evil.example' }),
        403,
        /origin/,
      );
      assertStatus(await upgrade(`${PODS}/a/exec?command=ls&stdout=true`, {}, 'body'), 400, /must not have a body/);
      runtime.running = false;
      assertStatus(await upgrade(`${PODS}/a/attach?stdout=true`), 404, /container not found/);
      runtime.pods.put(testPod('a', {}, 'Succeeded'));
      assertStatus(await upgrade(`${PODS}/a/exec?command=ls&stdout=true`), 400, /completed pod.*Succeeded/);
    });
  });

  it('accepts an upgrade from its own origin and from one that it was told of', async () => {
    await withServer({ allowedOrigins: ['http://127.0.0.1:8080'] }, async ({ url }) => {
      for (const Origin of [url, 'http://127.0.0.1:8080']) {
        const path = `${PODS}/a/exec?command=ls&stdout=true`;
        assert.equal((await send(url + path, { method: 'POST', headers: { ...UPGRADE, Origin } })).code, 101);
      }
    });
  });

  it('refuses names that are not its own, lest they were rebound', async () => {
    await withServer({ allowedHosts: ['My.Name'] }, async ({ url }) => {
      const code = async (Host: string): Promise<number> => (await send(`${url}/version`, { headers: { Host } })).code;
      for (const host of ['127.0.0.1', 'localhost:80', 'x.localhost', '[::1]:1', '10.0.0.1:8001', 'my.name:1']) {
        assert.equal(await code(host), 200, host);
      }
      for (const host of ['evil.example', 'evil.example:8001', 'localhost.evil.example', '127.0.0.1.nip.io', 'name']) {
        assert.equal(await code(host), 403, host);
      }
    });
  });

  it('asks the authorizer before anything is looked up; exec is create whatever the method', async () => {
    const seen: Attributes[] = [];
    const authorize = (attributes: Attributes): { allowed: boolean; reason: string } => {
      seen.push(attributes);
      return { allowed: attributes.verb === 'list', reason: 'only lists' };
    };
    await withServer({ authorize }, async ({ url }) => {
      assert.equal((await send(url + PODS)).code, 200);
      assertStatus(
        await send(`${url}${PODS}/nope`),
        403,
        /^pods "nope" is forbidden: User "system:anonymous" cannot get resource "pods" in API group "" in the namespace "default": only lists$/,
      );
      assertStatus(
        await send(`${url}${PODS}/a/exec?command=ls&stdout=true`, { headers: UPGRADE }),
        403,
        /cannot create resource "pods\/exec"/,
      );
      assertStatus(await send(`${url}/version`), 403, /cannot get path "\/version"/);
      assert.deepEqual(
        seen.map(({ verb, subresource, path }) => [verb, subresource, path]),
        [
          ['list', '', PODS],
          ['get', '', `${PODS}/nope`],
          ['create', 'exec', `${PODS}/a/exec`],
          ['get', '', '/version'],
        ],
      );
    });
  });

  it('asks who it is: 401 for nobody', async () => {
    const authenticate = ({ headers }: IncomingMessage): UserInfo | undefined =>
      headers.authorization === 'Bearer x' ? { name: 'x', groups: [] } : undefined;
    const authorize = ({ user }: Attributes): boolean => user.name === 'x';
    await withServer({ authenticate, authorize }, async ({ url }) => {
      assertStatus(await send(url + PODS), 401, /^Unauthorized$/);
      assert.equal((await send(url + PODS, { headers: { Authorization: 'Bearer x' } })).code, 200);
    });
  });

  it('survives its own faults, and tells clients nothing of them', async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown): void => {
      errors.push(error);
      throw new Error('the observer fails too');
    };
    await withServer({ onError }, async ({ url }, runtime) => {
      runtime.log = () => {
        throw new Error('secret');
      };
      const answer = await send(`${url}${PODS}/a/log`);
      assertStatus(answer, 500, /an error on the server/);
      assert.doesNotMatch(answer.text, /secret/);
      assert.equal(errors.length, 1);
      assert.equal((await send(`${url}/healthz`)).code, 200);
    });
  });

  it('answers what is not HTTP with 400, and too large a header with 431', async () => {
    await withServer({}, async ({ url }) => {
      const raw = (text: string): Promise<string> => sendRaw(url, text);
      assert.match(await raw('nonsense\r\n\r\n'), /^HTTP\/1\.1 400 [^]*"kind":"Status"/);
      assert.match(
        await raw(`GET / HTTP/1.1\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`),
        /^HTTP\/1\.1 431 [^]*"kind":"Status"/,
      );
    });
  });

  it('does not overlook what stands at the end of a long header', async () => {
    await withServer({}, async ({ url }) => {
      const fields = Array.from({ length: 120 }, (_, index) => `X-${index}: 1\r\n`).join('');
      const head = `POST ${PODS}/a/exec?command=ls&stdout=true HTTP/1.1\r\nHost: localhost\r\n${UPGRADE_LINES}`;
      const answer = await sendRaw(url, `${head}${fields}Origin: http://evil.example\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 431 [^]*too many fields/);
    });
  });

  it('heeds the host of a target in absolute form, and every Host', async () => {
    await withServer({}, async ({ url }) => {
      for (const [target, hosts, code] of [
        ['http://localhost:1/version', 'Host: localhost', 200],
        ['http://evil.example/version', 'Host: localhost', 403],
        ['http://localhost@evil.example/version', 'Host: localhost', 403],
        ['/version', 'Host: localhost\r\nHost: evil.example', 403],
      ] as const) {
        const answer = await sendRaw(url, `GET ${target} HTTP/1.1\r\n${hosts}\r\nConnection: close\r\n\r\n`);
        assert.ok(answer.startsWith(`HTTP/1.1 ${code} `), target);
      }
    });
  });

  it('does not upgrade behind a request that is not answered yet', async () => {
    await withServer({}, async ({ url }) => {
      const watch = 'GET /api/v1/pods?watch=true HTTP/1.1\r\nHost: localhost\r\n\r\n';
      const exec = `POST ${PODS}/a/exec?command=ls&stdout=true HTTP/1.1\r\nHost: localhost\r\n${UPGRADE_LINES}\r\n`;
      assert.doesNotMatch(await sendRaw(url, watch + exec), / 101 /);
    });
  });

  it('serves many requests at once without a warning', async () => {
    const warnings: Error[] = [];
    const note = (warning: Error): number => warnings.push(warning);
    process.on('warning', note);
    await withServer({}, async ({ url }) => {
      const watches = await Promise.all(
        Array.from({ length: 20 }, () => fetch(`${url}/api/v1/pods?watch=true`, { headers: { Connection: 'close' } })),
      );
      await Promise.all(watches.map(({ body }) => body?.cancel()));
    });
    process.off('warning', note);
    assert.deepEqual(warnings, []);
  });

  it('waits for no connection that has asked for nothing when it closes', { timeout: 10_000 }, async () => {
    // A clock that stands still: nothing is cut for taking too long.
    const server = await new APIServer({ runtime: new FakeRuntime(), clock: new VirtualClock() }).listen();
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    await once(socket, 'connect');
    assert.equal((await send(`${server.url}/healthz`)).code, 200);
    const ended = once(socket.resume(), 'close');
    await server.close();
    await ended;
  });

  it('refuses an address beyond loopback without authorization', () => {
    const runtime = new FakeRuntime();
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'example.com']) {
      assert.throws(() => new APIServer({ runtime, host }), { code: 'ERR_INVALID_ARGUMENT' });
      assert.ok(new APIServer({ runtime, host, authorize: () => true }));
      assert.ok(new APIServer({ runtime, host, insecureAllowAnyAddress: true }));
    }
  });

  it('rejects when its port is taken', async () => {
    await withServer({}, async ({ url }) => {
      const second = new APIServer({ runtime: new FakeRuntime(), port: Number(new URL(url).port) });
      await assert.rejects(second.listen(), { code: 'EADDRINUSE' });
      await second.close();
    });
  });
});
