import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AddressRecord, PeerResolver, ServiceRecord } from '../../../../src/mesh/discovery/dns-options.js';
import { DnsPeerFinder } from '../../../../src/mesh/discovery/dns.js';
import type { Peer } from '../../../../src/mesh/discovery/types.js';
import { VirtualClock } from '../../../../src/testing/index.js';

const invalid = { code: 'ERR_INVALID_ARGUMENT' };
const failure = (code: string): Error => Object.assign(new Error(code), { code });

type Records = Readonly<Record<string, readonly AddressRecord[] | readonly ServiceRecord[] | string | undefined>>;

/** Answers from a table by kind and name; a text is the code of a failure, `hang` is no answer. */
class Table implements PeerResolver {
  records: Records;
  readonly questions: string[] = [];

  constructor(records: Records) {
    this.records = records;
  }

  resolve4(name: string): Promise<readonly AddressRecord[]> {
    return this.#answer<AddressRecord>(`A ${name}`);
  }

  resolve6(name: string): Promise<readonly AddressRecord[]> {
    return this.#answer<AddressRecord>(`AAAA ${name}`);
  }

  resolveSrv(name: string): Promise<readonly ServiceRecord[]> {
    return this.#answer<ServiceRecord>(`SRV ${name}`);
  }

  #answer<T>(question: string): Promise<readonly T[]> {
    this.questions.push(question);
    const answer = this.records[question] ?? 'ENODATA';
    if (answer === 'hang') return new Promise(() => {});
    if (typeof answer === 'string') return Promise.reject(failure(answer));
    return Promise.resolve(answer as readonly T[]);
  }
}

const records = (ttl: number, ...addresses: readonly string[]): readonly AddressRecord[] =>
  addresses.map((address) => ({ address, ttl }));

class Setup {
  readonly clock = new VirtualClock();
  readonly errors: Error[] = [];
  readonly resolver: Table;
  readonly sets: AsyncIterator<readonly Peer[]>;

  constructor(table: Records, options: ConstructorParameters<typeof DnsPeerFinder>[1] = {}) {
    this.resolver = new Table(table);
    const finder = new DnsPeerFinder('web.team.svc', {
      resolver: this.resolver,
      clock: this.clock,
      random: () => 0,
      self: '10.0.0.1',
      debounce: 0,
      onError: (error) => {
        this.errors.push(error);
        throw new Error('a failure of the observer is its own');
      },
      ...options,
    });
    this.sets = finder.peers();
  }

  async hosts(): Promise<string[]> {
    const { value } = await this.sets.next();
    return (value as readonly Peer[]).map(({ host, port, self }) => `${host}:${port ?? ''}${self ? ' self' : ''}`);
  }

  /** Lets what is due happen, and what follows from it. */
  async advance(milliseconds: number): Promise<void> {
    this.clock.advance(milliseconds);
    await new Promise(setImmediate);
  }
}

describe('DnsPeerFinder', () => {
  it('finds addresses of both families, its own marked', async () => {
    const { resolver, sets } = new Setup({
      'A web.team.svc': records(30, '10.0.0.2', '10.0.0.1', '10.0.0.1'),
      'AAAA web.team.svc': records(30, 'FD00:0::1'),
    });
    const { value } = await sets.next();
    assert.deepEqual(value, [
      { host: '10.0.0.1', port: undefined, self: true },
      { host: '10.0.0.2', port: undefined, self: false },
      { host: 'fd00::1', port: undefined, self: false },
    ]);
    assert.deepEqual(resolver.questions, ['A web.team.svc', 'AAAA web.team.svc']);
    await sets.return?.();
  });

  it('finds ports by SRV, and one address for each target', async () => {
    const setup = new Setup(
      {
        'SRV _mesh._tcp.web.team.svc': [
          { name: 'p0.web.team.svc.', port: 7000 },
          { name: 'P1.web.team.svc', port: 7001 },
          { name: '10.0.0.1', port: 7002 },
          { name: 'no name', port: 7003 },
          { name: 'p4.web.team.svc', port: 70_000 },
        ],
        'A p0.web.team.svc': records(10, '10.0.0.2'),
        'AAAA p0.web.team.svc': records(10, 'fd00::2'),
        'AAAA p1.web.team.svc': records(10, 'fd00::3'),
      },
      { portName: 'mesh' },
    );
    assert.deepEqual(await setup.hosts(), ['10.0.0.1:7002 self', '10.0.0.2:7000', 'fd00::3:7001']);
    await setup.sets.return?.();
  });

  it('takes a name that only one family knows', async () => {
    const setup = new Setup({ 'A web.team.svc': records(9, '10.0.0.1'), 'AAAA web.team.svc': 'ENOTFOUND' });
    assert.deepEqual(await setup.hosts(), ['10.0.0.1: self']);
    await setup.sets.return?.();
  });

  it('asks again when records are due, within bounds, up to a tenth sooner', async () => {
    for (const [ttl, random, due] of [
      [20, 0, 20_000],
      [20, 0.5, 19_000],
      [1, 0, 5_000],
      [3600, 0, 30_000],
      [Infinity, 0, 30_000],
    ] as const) {
      const setup = new Setup({ 'A web.team.svc': records(ttl, '10.0.0.1') }, { random: () => random });
      await setup.hosts();
      await new Promise(setImmediate);
      setup.resolver.records = { 'A web.team.svc': records(ttl, '10.0.0.1', '10.0.0.2') };
      const next = setup.hosts();
      await setup.advance(due - 1);
      assert.equal(setup.resolver.questions.length, 2, `${ttl} ${random}`);
      await setup.advance(1);
      assert.deepEqual(await next, ['10.0.0.1: self', '10.0.0.2:']);
      await setup.sets.return?.();
      assert.equal(setup.clock.pending, 0);
    }
  });

  it('keeps what it knows through failures, asking ever more seldom', async () => {
    const known = { 'A web.team.svc': records(30, '10.0.0.1', '10.0.0.2') };
    const setup = new Setup(known);
    await setup.hosts();
    await new Promise(setImmediate);
    const next = setup.hosts();
    const failures: readonly Records[] = [
      { 'A web.team.svc': 'ENOTFOUND', 'AAAA web.team.svc': 'ENOTFOUND' },
      { 'A web.team.svc': 'ESERVFAIL' },
      { 'A web.team.svc': 'hang' },
      {},
      // Half an answer is none: what is known of the other family would be lost.
      { 'A web.team.svc': records(30, '10.0.0.9'), 'AAAA web.team.svc': 'ETIMEOUT' },
    ];
    let wait = 30_000;
    for (const [index, table] of failures.entries()) {
      setup.resolver.records = table;
      await setup.advance(wait);
      if (table['A web.team.svc'] === 'hang') await setup.advance(5_000);
      assert.equal(setup.errors.length, index + 1);
      wait = 1_000 * 2 ** index;
    }
    assert.deepEqual(
      setup.errors.map(({ name, message }) => (name === 'Error' ? message : name)),
      ['ENOTFOUND', 'ESERVFAIL', 'TimeoutError', 'web.team.svc has no addresses any more', 'ETIMEOUT'],
    );
    setup.resolver.records = { 'A web.team.svc': records(30, '10.0.0.1', '10.0.0.3') };
    await setup.advance(wait);
    assert.deepEqual(await next, ['10.0.0.1: self', '10.0.0.3:']);
    await setup.sets.return?.();
  });

  it('rejects when it cannot ask even once, and waits when nobody is there yet', async () => {
    for (const code of ['ENOTFOUND', 'ESERVFAIL', 'ECONNREFUSED']) {
      const { sets } = new Setup({ 'A web.team.svc': code });
      await assert.rejects(Promise.resolve(sets.next()), { code });
    }
    const silent = new Setup({ 'A web.team.svc': 'hang' });
    const read = assert.rejects(Promise.resolve(silent.sets.next()), { code: 'ERR_TIMEOUT' });
    silent.clock.advance(5_000);
    await read;
    const empty = new Setup({});
    assert.deepEqual(await empty.hosts(), []);
    empty.resolver.records = { 'A web.team.svc': records(5, '10.0.0.1') };
    await new Promise(setImmediate);
    const next = empty.hosts();
    await empty.advance(30_000);
    assert.deepEqual(await next, ['10.0.0.1: self']);
    await empty.sets.return?.();
  });

  it('takes no more peers than it may', async () => {
    const many = records(30, ...Array.from({ length: 4 }, (_, index) => `10.0.0.${index}`));
    const { sets } = new Setup({ 'A web.team.svc': many }, { maxPeers: 3 });
    await assert.rejects(Promise.resolve(sets.next()), { code: 'ERR_LIMIT_EXCEEDED' });
    const names = Array.from({ length: 4 }, (_, index) => ({ name: `p${index}`, port: 1 }));
    const srv = new Setup({ 'SRV _x._tcp.web.team.svc': names }, { maxPeers: 3, portName: 'x' });
    await assert.rejects(Promise.resolve(srv.sets.next()), { code: 'ERR_LIMIT_EXCEEDED' });
    assert.deepEqual(srv.resolver.questions, ['SRV _x._tcp.web.team.svc']);
  });

  it('leaves nothing behind when it is ended in the middle of a question', async () => {
    const { sets, clock } = new Setup({ 'A web.team.svc': 'hang' });
    const read = sets.next();
    await sets.return?.();
    assert.equal((await read).done, true);
    assert.equal(clock.pending, 0);
  });

  it('refuses what cannot be meant', () => {
    for (const make of [
      () => new DnsPeerFinder(''),
      () => new DnsPeerFinder('a name'),
      () => new DnsPeerFinder('a', { port: 0 }),
      () => new DnsPeerFinder('a', { port: 1, portName: 'x' }),
      () => new DnsPeerFinder('a', { portName: 'a.b' }),
      () => new DnsPeerFinder('a', { period: 0 }),
      () => new DnsPeerFinder('a', { maxPeers: Number.NaN }),
      () => new DnsPeerFinder('a', { perod: 1 } as object),
    ]) {
      assert.throws(make, invalid);
    }
  });
});
