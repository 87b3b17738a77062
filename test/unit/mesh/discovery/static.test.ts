import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { normalizeIP, normalizeName, parseAddress } from '../../../../src/mesh/discovery/address.js';
import { Backoff } from '../../../../src/mesh/discovery/backoff.js';
import { pause, unlessAborted } from '../../../../src/mesh/discovery/pause.js';
import { selfMatcher } from '../../../../src/mesh/discovery/self.js';
import { LocalhostPeerFinder, StaticPeerFinder } from '../../../../src/mesh/discovery/static.js';
import type { Peer, PeerFinder } from '../../../../src/mesh/discovery/types.js';
import { VirtualClock } from '../../../../src/testing/index.js';

const invalid = { code: 'ERR_INVALID_ARGUMENT' };

async function firstOf(finder: PeerFinder): Promise<readonly Peer[]> {
  const sets = finder.peers()[Symbol.asyncIterator]();
  const { value } = await sets.next();
  await sets.return?.();
  return value as readonly Peer[];
}

describe('addresses of peers', () => {
  for (const [text, host, port] of [
    ['10.0.0.1', '10.0.0.1', undefined],
    ['10.0.0.1:7000', '10.0.0.1', 7000],
    ['fd00:0:0::1', 'fd00::1', undefined],
    ['[FD00::1]', 'fd00::1', undefined],
    ['[fd00::1]:65535', 'fd00::1', 65_535],
    ['::ffff:10.0.0.1', '10.0.0.1', undefined],
    ['fe80::1%eth0', 'fe80::1%eth0', undefined],
    ['Pod-0.web.team.svc.', 'pod-0.web.team.svc', undefined],
    ['localhost:1', 'localhost', 1],
  ] as const) {
    it(`${text} is one`, () => assert.deepEqual(parseAddress(text), { host, port }));
  }

  for (const text of [
    '',
    ':7000',
    'a:0',
    'a:65536',
    'a:b',
    'a b',
    '[10.0.0.1]:1',
    '[::1',
    'http://a',
    'a/b',
    'a:1:2',
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.throws(() => parseAddress(text), invalid));
  }

  it('are equal when they mean the same', () => {
    assert.equal(normalizeIP('FD00:0000::0001'), normalizeIP('fd00::1'));
    assert.equal(normalizeIP('nonsense'), undefined);
    assert.equal(normalizeName('WEB.'), 'web');
    assert.equal(normalizeName(`${'a'.repeat(254)}`), undefined);
  });
});

describe('StaticPeerFinder', () => {
  it('gives its addresses once, its own marked, and waits', async () => {
    const finder = new StaticPeerFinder(['10.0.0.2:7000', '10.0.0.1', '[fd00::1]:7000'], { self: 'fd00:0::1' });
    const stop = new AbortController();
    const sets: (readonly Peer[])[] = [];
    for await (const set of finder.peers({ signal: stop.signal })) {
      sets.push(set);
      setImmediate(() => stop.abort());
    }
    assert.deepEqual(sets, [
      [
        { host: '10.0.0.1', port: undefined, self: false },
        { host: '10.0.0.2', port: 7000, self: false },
        { host: 'fd00::1', port: 7000, self: true },
      ],
    ]);
  });

  it('tells pods at one address apart by their ports', async () => {
    const peers = await firstOf(new StaticPeerFinder(['127.0.0.1:1', '127.0.0.1:2'], { self: ['127.0.0.1:2'] }));
    assert.deepEqual(
      peers.map(({ port, self }) => [port, self]),
      [
        [1, false],
        [2, true],
      ],
    );
  });

  it('takes none of several on this machine for its own without being told: they would all stay alone', async () => {
    const peers = await firstOf(new StaticPeerFinder(['127.0.0.1:1', '127.0.0.1:2']));
    assert.deepEqual(
      peers.map(({ self }) => self),
      [false, false],
    );
    assert.deepEqual(
      (await firstOf(new StaticPeerFinder(['127.0.0.1:1', '192.0.2.1:1']))).map(({ self }) => self),
      [true, false],
    );
  });
  it('refuses what cannot be meant', () => {
    // @ts-expect-error one address is no list
    assert.throws(() => new StaticPeerFinder('10.0.0.1'), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => new StaticPeerFinder(['a', 'A.']), invalid);
    assert.throws(() => new StaticPeerFinder(['a'], { self: 'no address' }), invalid);
    assert.throws(() => new StaticPeerFinder([], { selv: [] } as object), /is self meant/);
  });
});

describe('LocalhostPeerFinder', () => {
  it('always gives 127.0.0.1', async () => {
    assert.deepEqual(await firstOf(new LocalhostPeerFinder()), [{ host: '127.0.0.1', port: undefined, self: true }]);
    const peers = await firstOf(new LocalhostPeerFinder({ port: 7000 }));
    assert.deepEqual(peers, [{ host: '127.0.0.1', port: 7000, self: true }]);
    assert.throws(() => new LocalhostPeerFinder({ port: 0 }), invalid);
  });
});

describe('the own address', () => {
  const before = { POD_IP: process.env['POD_IP'], POD_IPS: process.env['POD_IPS'] };
  afterEach(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('is that of the downward API, else one of the interfaces', () => {
    delete process.env['POD_IPS'];
    delete process.env['POD_IP'];
    const isSelf = selfMatcher(undefined);
    assert.deepEqual([isSelf('127.0.0.1', 1), isSelf('192.0.2.1', 1)], [true, false]);
    process.env['POD_IP'] = '192.0.2.1';
    assert.deepEqual([isSelf('127.0.0.1', 1), isSelf('192.0.2.1', 1)], [false, true]);
    process.env['POD_IPS'] = '192.0.2.2,FD00::2';
    assert.deepEqual([isSelf('192.0.2.2', 1), isSelf('fd00::2', undefined)], [true, true]);
  });

  it('can be none', () => assert.equal(selfMatcher([])('127.0.0.1', undefined), false));
});

describe('waits', () => {
  it('double up to a bound, shortened by up to a half', () => {
    const longest = new Backoff({ min: 10, max: 50 }, () => 0);
    assert.deepEqual(
      Array.from({ length: 5 }, () => longest.next()),
      [10, 20, 40, 50, 50],
    );
    longest.reset();
    assert.equal(longest.next(), 10);
    assert.equal(new Backoff({ min: 10, max: 50 }, () => 1).next(), 5);
  });

  it('end with the signal', async () => {
    const clock = new VirtualClock();
    const stop = new AbortController();
    const paused = pause(1000, clock, stop.signal);
    stop.abort();
    await paused;
    await pause(1000, clock, stop.signal);
    assert.equal(clock.pending, 0);
  });

  it('for work end with the signal even when the work does not', async () => {
    const stop = new AbortController();
    const never = unlessAborted(new Promise(() => {}), stop.signal);
    const reason = new Error('enough');
    stop.abort(reason);
    await assert.rejects(never, reason);
    await assert.rejects(unlessAborted(Promise.reject(new Error('late')), stop.signal), reason);
    const going = new AbortController().signal;
    assert.equal(await unlessAborted(Promise.resolve(1), going), 1);
    // What is not an Error comes as one.
    const text: unknown = 'text';
    await assert.rejects(unlessAborted(Promise.reject(text), going), /^Error: text$/);
  });
});
