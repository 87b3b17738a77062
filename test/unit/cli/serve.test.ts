import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Command, CommanderError } from 'commander';
import { PatientPeerFinder } from '../../../src/cli/patient-finder.js';
import { describeServeFailure } from '../../../src/cli/serve-failures.js';
import { addServeOptions, type ServeFlags } from '../../../src/cli/serve-flags.js';
import { serveOptions } from '../../../src/cli/serve-options.js';
import { peerFinder, type PeerFlags } from '../../../src/cli/serve-peers.js';
import { duration, size } from '../../../src/cli/values.js';
import { systemClock } from '../../../src/clock/clock.js';
import { InvalidArgumentError, MissingPackageError } from '../../../src/errors/index.js';
import { EndpointSlicePeerFinder, KubernetesAPIError, PodPeerFinder } from '../../../src/kubernetes/index.js';
import { silentLogger } from '../../../src/logger/logger.js';
import { DnsPeerFinder, LocalhostPeerFinder, type Peer, type PeerFinder } from '../../../src/mesh/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { temporaryFolder } from '../../support/folder.js';

const PEERS: PeerFlags = {
  internalPort: 7001,
  host: '127.0.0.1',
  selector: undefined,
  namespace: undefined,
  portName: undefined,
  logger: silentLogger,
};

/** The flags of a command line, with nothing from the environment. */
function parse(...args: readonly string[]): ServeFlags {
  const names = ['PORT', 'INTERNAL_PORT', 'HOST', 'PEERS', 'POD_NAME', 'POD_IP', 'POD_NAMESPACE'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  try {
    const command = addServeOptions(new Command().exitOverride().configureOutput({ writeErr: () => {} }));
    return command.parse(args, { from: 'user' }).opts<ServeFlags>();
  } finally {
    for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  }
}

async function firstOf(finder: PeerFinder): Promise<readonly Peer[]> {
  for await (const peers of finder.peers()) return peers;
  return [];
}

describe('values of options', () => {
  it('are durations with a unit', () => {
    for (const [text, milliseconds] of [
      ['500ms', 500],
      ['20s', 20_000],
      ['1.5m', 90_000],
      ['1h', 3_600_000],
    ] as const) {
      assert.equal(duration(text), milliseconds);
    }
    for (const text of ['20', '', 's', '-5s', '5 s', '5d']) assert.throws(() => duration(text), CommanderError, text);
  });

  it('are sizes', () => {
    for (const [text, bytes] of [
      ['65536', 65_536],
      ['512Ki', 524_288],
      ['4Mi', 4_194_304],
    ] as const) {
      assert.equal(size(text), bytes);
    }
    for (const text of ['', '4MB', '-1', '1.5Mi']) assert.throws(() => size(text), CommanderError, text);
  });
});

describe('--peers', () => {
  it('static tells pods on one address by their ports', async () => {
    const peers = await firstOf(peerFinder('static:127.0.0.1:7001, 127.0.0.1:7002', PEERS));
    assert.deepEqual(
      peers.map(({ host, port, self }) => [host, port, self]),
      [
        ['127.0.0.1', 7001, true],
        ['127.0.0.1', 7002, false],
      ],
    );
  });

  it('static knows the own address without a port, and IPv6', async () => {
    const flags = { ...PEERS, host: '::1' };
    const peers = await firstOf(peerFinder('static:[::1],[::1]:7002,10.0.0.9', flags));
    const own = peers.filter(({ self }) => self);
    assert.deepEqual([peers.length, own.map(({ host, port }) => [host, port])], [3, [['::1', undefined]]]);
  });

  it('static takes all own addresses for one that listens on all', async () => {
    const peers = await firstOf(peerFinder('static:127.0.0.1:7001,127.0.0.1:7002', { ...PEERS, host: '0.0.0.0' }));
    assert.deepEqual(
      peers.map(({ self }) => self),
      [true, false],
    );
  });

  it('makes the finder that is meant', () => {
    const web = { ...PEERS, selector: 'app=web', namespace: 'team' };
    assert.ok(peerFinder('localhost', PEERS) instanceof LocalhostPeerFinder);
    assert.throws(() => peerFinder('localhost', web), { message: /--selector finds pods with --peers kubernetes/ });
    assert.ok(peerFinder('dns:web.team.svc', PEERS) instanceof DnsPeerFinder);
    assert.ok(peerFinder('dns:web.team.svc:7000', PEERS) instanceof DnsPeerFinder);
    assert.ok(peerFinder('kubernetes', web) instanceof PodPeerFinder);
    assert.ok(peerFinder('endpointslices', web) instanceof EndpointSlicePeerFinder);
    assert.ok(peerFinder('endpointslices:web-mesh', { ...web, portName: 'mesh' }) instanceof EndpointSlicePeerFinder);
  });

  it('says what it can be', () => {
    for (const [text, why] of [
      ['nonsense', /--peers must be kubernetes, endpointslices/],
      ['', /--peers must be/],
      ['static:', /needs addresses/],
      ['static:10.0.0.1,', /needs addresses/],
      ['static:10.0.0.1:0', /not the address of a peer/],
      ['dns:', /needs a name/],
      ['kubernetes', /needs --selector/],
      ['endpointslices:Not_A_Name', /not the name of a service/],
    ] as const) {
      assert.throws(() => peerFinder(text, PEERS), why, text);
    }
  });
});

describe('flags of trunkline serve', () => {
  it('have their defaults', () => {
    const { port, internalPort, host, peers, drainTimeout, wildcards, logLevel } = parse();
    assert.deepEqual(
      [port, internalPort, host, peers, drainTimeout, wildcards, logLevel],
      [8000, 7000, '127.0.0.1', 'localhost', 20_000, false, 'info'],
    );
  });

  it('are refused where they cannot be', () => {
    for (const args of [
      ['--port', '65536'],
      ['--port', 'x'],
      ['--drain-timeout', '5'],
      ['--log-level', 'loud'],
      ['--prot', '1'],
    ]) {
      assert.throws(() => parse(...args), CommanderError, args.join(' '));
    }
  });

  it('become options of a pod', async () => {
    using folder = temporaryFolder();
    const [secret, token] = ['secret', 'token'].map((name) => join(folder.path, name)) as [string, string];
    await writeFile(secret, 'what-only-the-pods-know\n');
    await writeFile(token, 'a-token-of-some-length\n');
    const flags = parse(
      '--name=pod-a',
      `--secret-file=${secret}`,
      `--publish-token-file=${token}`,
      '--history-age=1m',
      '--max-event-bytes=1Ki',
      '--allow-origin=https://a.example',
      '--allow-host=pods.example',
      '--no-compatible',
    );
    const options = await serveOptions(flags, silentLogger, systemClock);
    assert.equal(options.name, 'pod-a');
    assert.equal(options.secret, 'what-only-the-pods-know');
    assert.ok(options.publishTokens !== undefined && 'knows' in options.publishTokens);
    assert.ok(await options.publishTokens.knows('a-token-of-some-length'));
    assert.deepEqual([options.history, options.limits], [{ age: 60_000 }, { maxEventBytes: 1_024 }]);
    assert.deepEqual(
      [options.cors, options.allowedOrigins],
      [{ origin: ['https://a.example'] }, ['https://a.example']],
    );
    assert.deepEqual(
      [options.allowedHosts, options.compatible, options.grpcPort],
      [['pods.example'], false, undefined],
    );
  });

  it('name the file that is wrong', async () => {
    using folder = temporaryFolder();
    const short = join(folder.path, 'short');
    await writeFile(short, 'short\n');
    for (const [args, why] of [
      [['--secret-file', '/nowhere'], /--secret-file \/nowhere: there is no such file/],
      [['--secret-file', short], /--secret-file .*short: a secret has 16 bytes at least, this one 5/],
      [['--publish-token-file', short], /--publish-token-file .*short: a token has 16 characters at least/],
      [['--publish-token-file', folder.path], /it is a directory/],
      [['--tls-cert', short], /--tls-cert, --tls-key and --tls-ca go together/],
    ] as const) {
      await assert.rejects(serveOptions(parse(...args), silentLogger, systemClock), why);
    }
  });
});

describe('failures of trunkline serve', () => {
  const flags = parse('--port', '8001', '--internal-port', '7001', '--grpc-port', '9001', '--peers', 'kubernetes');
  const errno = (code: string, port?: number, address = '127.0.0.1'): Error =>
    Object.assign(new Error(`failed: ${code}`), { code, address, ...(port === undefined ? {} : { port }) });

  it('say what to do', () => {
    const forbidden = new KubernetesAPIError('answered 403: pods is forbidden', { statusCode: 403 });
    for (const [error, text, given] of [
      [errno('EADDRINUSE', 8001), /port 8001 on 127\.0\.0\.1 is in use; choose another with --port/, flags],
      [errno('EADDRINUSE', 7001), /--internal-port/, flags],
      [errno('EADDRINUSE', 9001), /--grpc-port/, flags],
      [errno('EACCES', 80), /not permitted to listen on port 80; choose one from 1024/, flags],
      [errno('EADDRNOTAVAIL', 8001, '10.9.9.9'), /cannot listen on 10\.9\.9\.9: .* --host/, flags],
      [errno('ECONNREFUSED', 6443, '10.0.0.1'), /cannot reach 10\.0\.0\.1:6443/, flags],
      [errno('ECONNREFUSED', 8080), /there is no usable kubeconfig/, flags],
      [
        new Error('HTTP protocol is not allowed when skipTLSVerify is not set or false'),
        /insecure-skip-tls-verify/,
        flags,
      ],
      [forbidden, /Role with the verbs get, list and watch on pods, and a RoleBinding/, flags],
      [forbidden, /on endpointslices of discovery\.k8s\.io/, { ...flags, peers: 'endpointslices' }],
      [new KubernetesAPIError('answered 401', { statusCode: 401 }), /service account's token/, flags],
      [new KubernetesAPIError('answered 404', { statusCode: 404 }), /does the namespace exist/, flags],
      [new KubernetesAPIError('answered 500', { statusCode: 500 }), /^answered 500$/, flags],
      [new InvalidArgumentError('retry must be so'), /^retry must be so$/, flags],
      [new Error('anything'), /^anything$/, flags],
      ['text', /^text$/, flags],
    ] as const) {
      assert.match(describeServeFailure(error, given), text);
    }
  });
});

describe('PatientPeerFinder', () => {
  const PEER = { host: '10.0.0.1', self: false };

  function failing(...errors: readonly unknown[]): PeerFinder & { asked: number } {
    return {
      asked: 0,
      async *peers() {
        const error = errors[this.asked++];
        if (error !== undefined) throw error;
        yield [PEER];
      },
    };
  }

  async function settle(): Promise<void> {
    for (let i = 0; i < 20; i++) await Promise.resolve();
  }

  it('asks again, ever more slowly, while the failure may pass', async () => {
    const clock = new VirtualClock();
    const finder = failing(
      new KubernetesAPIError('answered 503', { statusCode: 503 }),
      new KubernetesAPIError('answered 429', { statusCode: 429 }),
      Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', port: 6443 }),
    );
    const found = firstOf(new PatientPeerFinder(finder, { clock, random: () => 0, logger: silentLogger }));
    for (const [wait, asked] of [
      [499, 1],
      [1, 2],
      [999, 2],
      [1, 3],
      [2_000, 4],
    ] as const) {
      await settle();
      clock.advance(wait);
      await settle();
      assert.equal(finder.asked, asked);
    }
    assert.deepEqual(await found, [PEER]);
    assert.equal(clock.pending, 0);
  });

  it('fails at once with what a person has to put right', async () => {
    for (const error of [
      new KubernetesAPIError('answered 403', { statusCode: 403 }),
      new InvalidArgumentError('no current cluster'),
      new MissingPackageError('no client-node'),
      Object.assign(new Error('ENOENT'), { code: 'ENOENT', syscall: 'open' }),
      Object.assign(new Error('refused'), { code: 'ECONNREFUSED', port: 8080 }),
    ]) {
      const finder = new PatientPeerFinder(failing(error), {
        clock: new VirtualClock(),
        random: () => 0,
        logger: silentLogger,
      });
      await assert.rejects(firstOf(finder), error);
    }
  });

  it('ends quietly while it waits', async () => {
    const stop = new AbortController();
    const clock = new VirtualClock();
    const finder = failing(new Error('away'), new Error('away'));
    const patient = new PatientPeerFinder(finder, { clock, random: () => 0, logger: silentLogger });
    const next = patient.peers({ signal: stop.signal }).next();
    await settle();
    stop.abort();
    assert.deepEqual(await next, { done: true, value: undefined });
    assert.equal(clock.pending, 0);
  });
});
