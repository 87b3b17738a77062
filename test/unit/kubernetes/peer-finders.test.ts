import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import {
  EndpointSlicePeerFinder,
  PodPeerFinder,
  type KubeConfigLike,
  type Peer,
  type PodPeerFinderOptions,
} from '../../../src/kubernetes/index.js';
import { distinctPeers, peerOfPod, peersOfSlice } from '../../../src/kubernetes/peer-finders/peer-of.js';
import { linesOf } from '../../../src/kubernetes/peer-finders/read-body.js';
import { randomSlices, slices } from '../../../src/testing/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../../support/certificates.js';

const invalid = { code: 'ERR_INVALID_ARGUMENT' };
const RULES = { self: { name: 'a' }, family: undefined, includeNotReady: true, port: undefined, portName: undefined };

function configFor(server: string, cluster: object = { skipTLSVerify: true }): KubeConfig {
  const config = new KubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server, ...cluster }],
    users: [{ name: 'u', token: 'secret' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  return config;
}

async function withAnswers(
  answer: (req: IncomingMessage, res: ServerResponse) => void,
  test: (url: string) => Promise<void>,
  tls = false,
): Promise<void> {
  const server: Server = tls ? createTlsServer({ cert: SERVER_CERT, key: SERVER_KEY }, answer) : createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    await test(tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}/base/`);
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function firstSet(options: Partial<PodPeerFinderOptions> & { config: KubeConfigLike }): Promise<readonly Peer[]> {
  const sets = new PodPeerFinder({ labelSelector: 'app=web', requestTimeout: 5_000, ...options }).peers();
  try {
    return ((await sets.next()).value ?? []) as readonly Peer[];
  } finally {
    await sets.return?.();
  }
}

const list = (items: unknown, metadata: object = { resourceVersion: '1' }): string =>
  JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata, items });
const onePod = { metadata: { name: 'a', uid: 'u' }, status: { phase: 'Running', podIP: '10.0.0.1' } };

describe('what a request of a finder looks like', () => {
  it('selects, asks for chunks and for bookmarks, and has fresh credentials each time', async () => {
    const seen: string[] = [];
    let asked = 0;
    await withAnswers(
      (req, res) => {
        const { pathname, searchParams } = new URL(req.url ?? '', 'http://x');
        const { authorization, accept } = req.headers;
        seen.push(`${pathname} ${searchParams.get('watch')} ${authorization} ${accept}`);
        assert.equal(searchParams.get('labelSelector'), 'app=web,tier in (x)');
        assert.equal(searchParams.get('fieldSelector'), 'status.phase=Running');
        if (searchParams.has('watch')) {
          assert.equal(searchParams.get('allowWatchBookmarks'), 'true');
          assert.ok(Number(searchParams.get('timeoutSeconds')) >= 300);
          res.end();
        } else if (searchParams.has('continue')) {
          assert.equal(searchParams.get('continue'), 'next one');
          res.end(list([onePod]));
        } else {
          assert.equal(searchParams.get('limit'), '250');
          res.end(list([onePod], { resourceVersion: '1', continue: 'next one' }));
        }
      },
      async (url) => {
        const config = configFor(url);
        const counting: KubeConfigLike = {
          getCurrentContext: () => config.getCurrentContext(),
          getContextObject: (name) => config.getContextObject(name),
          getCurrentCluster: () => config.getCurrentCluster(),
          async applyToHTTPSOptions(options) {
            await config.applyToHTTPSOptions(options);
            options.headers = { ...options.headers, Authorization: `Bearer ${++asked}` };
          },
        };
        const labelSelector = 'app=web,tier in (x)';
        const sets = new PodPeerFinder({ config: counting, labelSelector, namespace: 'team' }).peers();
        assert.equal((await sets.next()).value?.length, 1);
        while (seen.length < 3) await new Promise(setImmediate);
        await sets.return?.();
      },
    );
    const path = '/base/api/v1/namespaces/team/pods';
    assert.deepEqual(seen.slice(0, 3), [
      `${path} null Bearer 1 application/json`,
      `${path} null Bearer 2 application/json`,
      `${path} true Bearer 3 application/json`,
    ]);
  });

  it('goes to a server whose certificate the configuration trusts, and to no other', async () => {
    const answer = (_req: IncomingMessage, res: ServerResponse): void => void res.end(list([onePod]));
    await withAnswers(
      answer,
      async (url) => {
        const caData = Buffer.from(CA).toString('base64');
        assert.equal((await firstSet({ config: configFor(url, { caData }) })).length, 1);
        await assert.rejects(firstSet({ config: configFor(url, {}) }), { code: 'ERR_CONNECTION_LOST' });
      },
      true,
    );
  });
});

describe('answers that cannot be meant', () => {
  for (const [name, body, error] of [
    ['no JSON', 'nonsense', /no JSON/],
    ['no list', '{}', /no list/],
    ['no items', list('items'), /no list/],
    ['an endless list', list([], { resourceVersion: '1', continue: 'x' }), /empty chunk/],
    ['a Status', '{"kind":"Status","code":500}', /no list/],
  ] as const) {
    it(`${name} is refused`, async () => {
      await withAnswers(
        (_req, res) => res.end(body),
        (url) => assert.rejects(firstSet({ config: configFor(url) }), error),
      );
    });
  }

  it('an answer without end is cut off', async () => {
    await withAnswers(
      (_req, res) => {
        const chunk = Buffer.alloc(1024 * 1024, 'x');
        // Node 26 calls back at once, with the error, once the client has gone.
        const more = (error?: Error | null): void => {
          if (!res.destroyed && (error === undefined || error === null)) res.write(chunk, more);
        };
        more();
      },
      (url) => assert.rejects(firstSet({ config: configFor(url) }), { code: 'ERR_LIMIT_EXCEEDED' }),
    );
  });

  it('what is no HTTP is told as such', async () => {
    await withAnswers(
      (req) => void req.socket.end('SSH-2.0-x\r\n'),
      (url) => assert.rejects(firstSet({ config: configFor(url) }), { code: 'ERR_PROTOCOL' }),
    );
  });

  it('an answer that never was, too', async () => {
    await withAnswers(
      (req) => void req.socket.destroy(),
      (url) => assert.rejects(firstSet({ config: configFor(url) }), { code: 'ERR_CONNECTION_LOST' }),
    );
  });

  it('errors carry what the server said', async () => {
    const status = { kind: 'Status', code: 403, reason: 'Forbidden', message: 'pods is forbidden' };
    await withAnswers(
      (_req, res) => res.writeHead(403).end(JSON.stringify(status)),
      (url) =>
        assert.rejects(firstSet({ config: configFor(url) }), {
          code: 'ERR_KUBERNETES_API',
          statusCode: 403,
          message: /\/api\/v1\/namespaces\/default\/pods answered 403: pods is forbidden$/,
        }),
    );
  });

  it('a plugin for credentials that hangs does not hang the finder', async () => {
    const config: KubeConfigLike = {
      getCurrentContext: () => 'x',
      getContextObject: () => null,
      getCurrentCluster: () => ({ server: 'http://127.0.0.1:1' }),
      applyToHTTPSOptions: () => new Promise(() => {}),
    };
    await assert.rejects(firstSet({ config, requestTimeout: 10 }), { code: 'ERR_TIMEOUT' });
    await assert.rejects(firstSet({ config: { ...config, getCurrentCluster: () => null } }), invalid);
  });
});

describe('lines of a watch that cannot be meant', () => {
  for (const [name, line, error] of [
    ['no JSON', 'nonsense', /ProtocolError: .* no JSON/],
    ['no event', '{}', /ProtocolError: .* no watch event/],
    ['an event without a version', '{"type":"ADDED","object":{}}', /ProtocolError: .* no watch event/],
    ['an ERROR without a Status', '{"type":"ERROR"}', /KubernetesAPIError: .* ended the watch: code 500/],
    [
      'an ERROR that is no 410',
      '{"type":"ERROR","object":{"code":504,"message":"too slow","details":{"retryAfterSeconds":1}}}',
      /KubernetesAPIError: .* ended the watch: too slow/,
    ],
  ] as const) {
    it(`${name} leads to a list`, async () => {
      let lists = 0;
      await withAnswers(
        (req, res) => {
          if (req.url?.includes('watch=true') !== true) {
            lists++;
            return void res.end(list(lists === 1 ? [onePod] : []));
          }
          // An empty line, and an event of a kind that is not known yet, are let pass.
          res.end(`\n{"type":"LATER","object":{"metadata":{"resourceVersion":"2"}}}\n${line}\n`);
        },
        async (url) => {
          const errors: string[] = [];
          const onError = (failure: Error): void => void errors.push(String(failure));
          const retry = { min: 1, max: 1 };
          const sets = new PodPeerFinder({
            config: configFor(url),
            labelSelector: 'a',
            retry,
            debounce: 0,
            onError,
          }).peers();
          assert.equal((await sets.next()).value?.length, 1);
          assert.equal((await sets.next()).value?.length, 0);
          assert.match(errors[0] ?? '', error);
          await sets.return?.();
        },
      );
    });
  }
});

describe('the configuration', () => {
  const before = process.env['KUBECONFIG'];
  afterEach(() => {
    if (before === undefined) delete process.env['KUBECONFIG'];
    else process.env['KUBECONFIG'] = before;
  });

  it('is loaded as kubectl does unless given', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'finders-'));
    try {
      await withAnswers(
        (req, res) => res.end(list(req.url?.startsWith('/base/api/v1/namespaces/team/') === true ? [onePod] : [])),
        async (url) => {
          const context = { cluster: 'c', user: 'u', namespace: 'team' };
          const file = {
            clusters: [{ name: 'c', cluster: { server: url, 'insecure-skip-tls-verify': true } }],
            users: [{ name: 'u', user: {} }],
            contexts: [{ name: 'x', context }],
            'current-context': 'x',
          };
          process.env['KUBECONFIG'] = join(folder, 'config');
          // Every JSON document is one of YAML.
          await writeFile(process.env['KUBECONFIG'], JSON.stringify(file));
          const sets = new PodPeerFinder({ labelSelector: 'app=web' }).peers();
          assert.equal((await sets.next()).value?.length, 1);
          await sets.return?.();
        },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('lines of a watch', () => {
  const read = async (chunks: readonly Buffer[], most = 100): Promise<string[]> => {
    const lines: string[] = [];
    for await (const line of linesOf(chunks as never, most)) lines.push(line);
    return lines;
  };

  it('are the same for every chunking, and a cut one is none', async () => {
    const text = Buffer.from('{"a":"ä"}\n\n{"b":"😀"}\r\n{"cut":');
    const whole = await read([text]);
    assert.deepEqual(whole, ['{"a":"ä"}', '', '{"b":"😀"}\r']);
    for (let seed = 1; seed <= 50; seed++) {
      assert.deepEqual(await read([...slices(text, randomSlices(seed, 8))]), whole);
    }
  });

  it('have a bound, whether they end or not', async () => {
    const line = Buffer.alloc(100, 'x');
    assert.deepEqual(await read([line, Buffer.from('\n')]), [String(line)]);
    for (const rest of ['x', 'x\n']) {
      await assert.rejects(read([line, Buffer.from(rest)]), { code: 'ERR_LIMIT_EXCEEDED' });
    }
  });
});

describe('peers of objects', () => {
  it('come of nothing that is not there or is not what it should be', () => {
    for (const pod of [
      {},
      { status: { phase: 'Running' } },
      { status: { phase: 'Running', podIP: 'nonsense', podIPs: [null, 3, { ip: {} }] } },
      { status: [], metadata: 7 },
      { ...onePod, metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } },
    ]) {
      assert.equal(peerOfPod(pod, RULES), undefined);
    }
    const long = { ...onePod, metadata: { name: 'x'.repeat(300), uid: 5 } };
    assert.deepEqual(peerOfPod(long, RULES), {
      host: '10.0.0.1',
      port: undefined,
      name: undefined,
      uid: undefined,
      self: false,
    });
    for (const slice of [{}, { endpoints: {} }, { endpoints: [null, 1, { addresses: 'x' }, { addresses: [7] }] }]) {
      assert.deepEqual(peersOfSlice(slice, RULES), []);
    }
    const named = { ...RULES, portName: 'mesh' };
    const ports = [{ name: 'mesh', port: 99_999 }];
    assert.deepEqual(peersOfSlice({ endpoints: [{ addresses: ['10.0.0.1'] }], ports }, named), []);
  });

  it('are told apart by name when they share the address of a node', () => {
    const other = { ...onePod, metadata: { name: 'b' } };
    const rules = { ...RULES, self: { name: 'a', ip: '10.0.0.1' } };
    assert.deepEqual([peerOfPod(onePod, rules)?.self, peerOfPod(other, rules)?.self], [true, false]);
    const byAddress = { ...RULES, self: { ip: '10.0.0.1' } };
    assert.equal(peerOfPod(other, byAddress)?.self, true);
  });

  it('are there once for each pod', () => {
    const peer = (host: string, uid?: string): Peer => ({ host, uid, self: false });
    const peers = [peer('fd00::1', 'a'), peer('10.0.0.1', 'a'), peer('10.0.0.2'), peer('10.0.0.2')];
    assert.deepEqual(distinctPeers(peers, RULES), [peer('10.0.0.1', 'a'), peer('10.0.0.2')]);
    assert.deepEqual(distinctPeers(peers, { ...RULES, family: 6 })[0]?.host, 'fd00::1');
  });
});

describe('options of finders', () => {
  it('are refused when they cannot be meant', () => {
    const config = configFor('http://127.0.0.1:1');
    for (const make of [
      () => new PodPeerFinder({ config, labelSelector: ' ' }),
      () => new PodPeerFinder({ config } as object as PodPeerFinderOptions),
      () => new PodPeerFinder({ config, labelSelector: 'a', namespace: '../x' }),
      () => new PodPeerFinder({ config, labelSelector: 'a', port: 0 }),
      () => new PodPeerFinder({ config, labelSelector: 'a', port: 1, portName: 'b' }),
      () => new PodPeerFinder({ config, labelSelector: 'a', portName: '' }),
      () => new PodPeerFinder({ config, labelSelector: 'a', silenceTimeout: -1 }),
      () => new PodPeerFinder({ config, labelSelector: 'a', relistPeriod: 1 }),
      () => new PodPeerFinder({ config, labelSelector: 'a', self: { ip: 'x' } }),
      () => new PodPeerFinder({ config, labelSelectr: 'a' } as object as PodPeerFinderOptions),
      () => new EndpointSlicePeerFinder({ config, service: 'a/b' }),
    ]) {
      assert.throws(make, invalid);
    }
  });
});
