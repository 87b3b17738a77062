import assert from 'node:assert/strict';
import { request, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { exec } from '../../src/remotecommand/index.js';
import {
  AddressDeniedError,
  UpgradeAwareProxy,
  denyLocalAddresses,
  denyPrivateAddresses,
  streamTranslator,
  streamTunnel,
  type AddressPolicy,
  type UpgradeAwareProxyOptions,
} from '../../src/proxy/index.js';
import { parseResponse, rawBackend, rawClient, serve, settle, upgradeText } from '../support/proxy.js';

// Row 20: the target comes from what others can write, and leads to the proxy's own machine or the metadata service of its
// cloud (CVE-2020-8555, CVE-2022-3294), or its name is resolved once for the check and again for the dial (CVE-2020-8562).

const LOCAL = [
  '127.0.0.1',
  '127.1.2.3',
  '0.0.0.0',
  '0.1.2.3',
  '169.254.169.254',
  '169.254.0.1',
  '168.63.129.16',
  '100.100.100.200',
  '192.0.0.192',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '0:0:0:0:0:0:0:1',
  'fe80::1',
  'fe80::1%eth0',
  'febf::1',
  'ff02::1',
  'fd00:ec2::254',
  'fd20:ce::254',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '0:0:0:0:0:ffff:a9fe:a9fe',
  '::127.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::169.254.169.254',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2002:a9fe:a9fe::1',
];
const PRIVATE = [
  '10.0.0.1',
  '172.16.0.1',
  '172.31.255.255',
  '192.168.1.1',
  '100.64.0.1',
  '198.18.0.1',
  'fc00::1',
  'fdff::1',
  'fec0::1',
  '::ffff:10.0.0.1',
  '64:ff9b::10.0.0.1',
  '2002:c0a8:101::',
];
const PUBLIC = ['8.8.8.8', '172.32.0.1', '11.0.0.1', '2001:4860:4860::8888', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'];

describe('the policies', () => {
  const allows = (policy: AddressPolicy, address: string): unknown => policy({ address, host: 'h', port: 80 });

  for (const address of LOCAL) {
    it(`deny ${address}`, () => {
      assert.equal(allows(denyLocalAddresses, address), false);
      assert.equal(allows(denyPrivateAddresses, address), false);
    });
  }

  it('tell private networks from the rest', () => {
    for (const address of PRIVATE) {
      assert.equal(allows(denyLocalAddresses, address), true, address);
      assert.equal(allows(denyPrivateAddresses, address), false, address);
    }
    for (const address of PUBLIC) assert.equal(allows(denyPrivateAddresses, address), true, address);
  });

  it('deny what is no address', () => {
    for (const address of ['', 'localhost', '127.1', '1.2.3.4.5', 'fe80::1::']) {
      assert.equal(allows(denyLocalAddresses, address), false, address);
    }
  });
});

describe('a target that depends on the request', () => {
  const targets = [
    'http://127.0.0.1:80/',
    'http://localhost/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f.0.0.1/',
    'http://0177.0.0.1/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://169.254.169.254/latest/meta-data/',
    'http://0/',
  ];

  for (const target of targets) {
    it(`must not be ${target}, whatever the path through the proxy`, async (t) => {
      let dialled = 0;
      const errors: unknown[] = [];
      const options: UpgradeAwareProxyOptions = {
        target: () => target,
        dialer: () => {
          dialled++;
          return Promise.reject(new Error('dialled'));
        },
        onError: (error) => errors.push(error),
      };
      const proxy = new UpgradeAwareProxy(options);
      const front = await serve(t, proxy);
      const req = request(front.url).end();
      const [res] = (await once(req, 'response')) as [IncomingMessage];
      res.resume();
      assert.equal(res.statusCode, 403);
      const upgrade = await rawClient(t, front.port, upgradeText());
      assert.equal(parseResponse(await upgrade.closed).code, 403);
      const tunnel = await serve(t, { handleUpgrade: streamTunnel(options) });
      const tunnelled = await rawClient(
        t,
        tunnel.port,
        upgradeText({ Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io' }),
      );
      assert.equal(parseResponse(await tunnelled.closed).code, 403);
      const translator = await serve(t, { handleUpgrade: streamTranslator(options) });
      const failed = exec(`${translator.url}/exec`, { command: ['true'], transport: 'websocket' });
      await assert.rejects(failed, /forbidden: the address of the backend must not be proxied to/);
      assert.equal(dialled, 0);
      assert.ok(errors.every((error) => error instanceof AddressDeniedError));
    });
  }
});

describe('a name', () => {
  it('that answers differently the second time is resolved once, and the address checked is dialled', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    });
    for (const way of ['plain', 'upgrade'] as const) {
      const answers = [['127.0.0.2'], ['127.0.0.1']];
      const dialled: string[] = [];
      const proxy = new UpgradeAwareProxy({
        target: () => `http://rebind.test:${backend.port}/`,
        lookup: () => Promise.resolve(answers.shift() ?? []),
        checkAddress: ({ address, host, port }) => {
          assert.deepEqual([host, port], ['rebind.test', backend.port]);
          return address === '127.0.0.2';
        },
        dialer: ({ url }) => {
          dialled.push(url.host);
          return Promise.reject(new Error('enough'));
        },
      });
      const front = await serve(t, proxy);
      const text = way === 'upgrade' ? upgradeText() : 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
      const client = await rawClient(t, front.port, text);
      assert.equal(parseResponse(await client.closed).code, 502);
      assert.deepEqual(dialled, [`127.0.0.2:${backend.port}`]);
      assert.equal(answers.length, 1);
    }
    await settle();
    assert.equal(backend.connections.length, 0);
  });

  it('one of whose addresses is denied is denied altogether', async (t) => {
    const proxy = await serve(
      t,
      new UpgradeAwareProxy({
        target: () => 'http://mixed.test/',
        lookup: () => Promise.resolve(['8.8.8.8', '127.0.0.1']),
        dialer: () => Promise.reject(new Error('dialled')),
      }),
    );
    const client = await rawClient(t, proxy.port, upgradeText());
    const answer = await client.closed;
    assert.equal(parseResponse(answer).code, 403);
    // What the name leads to is no business of the caller.
    assert.doesNotMatch(answer, /127\.0\.0\.1/);
  });

  it('the next address is tried where one does not answer', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n');
    });
    const proxy = await serve(
      t,
      new UpgradeAwareProxy({
        target: () => `http://two.test:${backend.port}/`,
        lookup: () => Promise.resolve(['127.0.0.3', '127.0.0.1']),
        checkAddress: () => true,
      }),
    );
    const client = await rawClient(t, proxy.port, upgradeText());
    assert.equal(parseResponse(await client.closed).code, 418);
    assert.match(backend.connections[0]?.text() ?? '', /\r\nHost: proxy\.test\r\n/);
  });

  it('that cannot be resolved, or takes too long, is an answer too', async (t) => {
    for (const [lookup, code] of [
      [() => Promise.reject(new Error('no such name')), 502],
      [() => Promise.resolve([]), 502],
      [() => new Promise<never>(() => {}), 504],
    ] as const) {
      const proxy = await serve(
        t,
        new UpgradeAwareProxy({ target: () => 'http://x.test/', lookup, limits: { upgradeTimeout: 40 } }),
      );
      const client = await rawClient(t, proxy.port, upgradeText());
      assert.equal(parseResponse(await client.closed).code, code);
      const plain = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.equal(parseResponse(await plain.closed).code, code);
    }
  });
});
