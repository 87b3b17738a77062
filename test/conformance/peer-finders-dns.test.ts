// DnsPeerFinder over the resolver of node:dns, against a name server that answers in bytes.
import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { SystemResolver } from '../../src/mesh/discovery/dns-resolver.js';
import { DnsPeerFinder } from '../../src/mesh/discovery/dns.js';

const A = 1;
const AAAA = 28;
const SRV = 33;
const NXDOMAIN = 3;

/** The name as DNS writes it: labels with their lengths (RFC 1035, 3.1). */
function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from([label.length, ...Buffer.from(label)]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

const v4 = (address: string): Buffer => Buffer.from(address.split('.').map(Number));
const v6 = (last: number): Buffer =>
  Buffer.concat([Buffer.from('fd000000000000000000000000', 'hex'), Buffer.from([0, 0, last])]);

function srv(port: number, target: string): Buffer {
  const head = Buffer.alloc(6);
  head.writeUInt16BE(port, 4);
  return Buffer.concat([head, nameBytes(target)]);
}

/** A name server: records by kind and name; a name without any is not known. */
class NameServer {
  readonly #socket: Socket = createSocket('udp4');
  readonly records = new Map<string, readonly Buffer[]>();
  ttl = 30;

  async start(): Promise<Resolver> {
    this.#socket.on('message', (question, from) => this.#socket.send(this.#answer(question), from.port, from.address));
    this.#socket.bind(0, '127.0.0.1');
    await once(this.#socket, 'listening');
    const resolver = new Resolver({ timeout: 1000, tries: 1 });
    resolver.setServers([`127.0.0.1:${(this.#socket.address() as AddressInfo).port}`]);
    return resolver;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    for (let length = question[at] ?? 0; length > 0; length = question[at] ?? 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + length).toLowerCase());
      at += length + 1;
    }
    const kind = question.readUInt16BE(at + 1);
    const name = labels.join('.');
    const known = [...this.records.keys()].some((key) => key.endsWith(` ${name}`));
    const found = this.records.get(`${kind} ${name}`) ?? [];
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (known ? 0 : NXDOMAIN), 2);
    head.writeUInt16BE(found.length, 6);
    head.writeUInt16BE(0, 8);
    head.writeUInt16BE(0, 10);
    const answers = found.map((data) => {
      const fields = Buffer.alloc(12);
      // The name of the question once more, by its place.
      fields.writeUInt16BE(0xc00c, 0);
      fields.writeUInt16BE(kind, 2);
      fields.writeUInt16BE(1, 4);
      fields.writeUInt32BE(this.ttl, 6);
      fields.writeUInt16BE(data.length, 10);
      return Buffer.concat([fields, data]);
    });
    return Buffer.concat([head, question.subarray(12, at + 5), ...answers]);
  }
}

describe('DnsPeerFinder over node:dns', () => {
  const server = new NameServer();
  let resolver: Resolver;
  before(async () => {
    resolver = await server.start();
  });
  after(() => server.close());

  it('reads addresses of both families', async () => {
    server.records.set(`${A} web.team.svc`, [v4('10.0.0.2'), v4('10.0.0.1')]);
    server.records.set(`${AAAA} web.team.svc`, [v6(1)]);
    const sets = new DnsPeerFinder('web.team.svc', { resolver, self: '10.0.0.1', port: 7000 }).peers();
    assert.deepEqual((await sets.next()).value, [
      { host: '10.0.0.1', port: 7000, self: true },
      { host: '10.0.0.2', port: 7000, self: false },
      { host: 'fd00::1', port: 7000, self: false },
    ]);
    await sets.return?.();
  });

  it('reads SRV records, follows answers that change, and keeps peers when the name is gone', async () => {
    server.ttl = 0;
    server.records.set(`${SRV} _mesh._tcp.web.team.svc`, [srv(7001, 'p1.web.team.svc')]);
    server.records.set(`${A} p1.web.team.svc`, [v4('10.0.0.1')]);
    server.records.set(`${AAAA} p2.web.team.svc`, [v6(2)]);
    const errors: unknown[] = [];
    let failed = (): void => {};
    const failure = new Promise<void>((resolve) => (failed = resolve));
    const sets = new DnsPeerFinder('web.team.svc', {
      resolver,
      portName: 'mesh',
      self: [],
      minPeriod: 1,
      period: 20,
      retry: { min: 1, max: 5 },
      debounce: 0,
      onError: (error) => {
        errors.push(error);
        failed();
      },
    }).peers();
    assert.deepEqual((await sets.next()).value, [{ host: '10.0.0.1', port: 7001, self: false }]);
    const services = [srv(7001, 'p1.web.team.svc'), srv(7002, 'p2.web.team.svc')];
    server.records.set(`${SRV} _mesh._tcp.web.team.svc`, services);
    const two = (await sets.next()).value;
    assert.deepEqual(two, [
      { host: '10.0.0.1', port: 7001, self: false },
      { host: 'fd00::2', port: 7002, self: false },
    ]);
    const next = sets.next();
    server.records.delete(`${SRV} _mesh._tcp.web.team.svc`);
    await failure;
    assert.match(String(errors[0]), /ENOTFOUND/);
    server.records.set(`${SRV} _mesh._tcp.web.team.svc`, services.slice(1));
    assert.deepEqual((await next).value, [{ host: 'fd00::2', port: 7002, self: false }]);
    await sets.return?.();
  });

  it('knows an unknown name from one without addresses', async () => {
    const unknown = new DnsPeerFinder('nobody.team.svc', { resolver }).peers();
    await assert.rejects(unknown.next(), { code: 'ENOTFOUND' });
    server.records.set(`${SRV} empty.team.svc`, []);
    const empty = new DnsPeerFinder('empty.team.svc', { resolver }).peers();
    assert.deepEqual((await empty.next()).value, []);
    await empty.return?.();
  });
});

describe('the resolver of the system', () => {
  it('knows names of the hosts file, and abandons what is asked', async () => {
    const resolver = new SystemResolver(1000);
    const found = await resolver.resolve4('localhost');
    assert.ok(found.some(({ address }) => address === '127.0.0.1'));
    resolver.cancel();
  });
});
