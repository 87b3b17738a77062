import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clusterMark, podEnvironment } from '../../../src/cluster/environment.js';
import { exitCodeOf } from '../../../src/cluster/exit-code.js';
import { lookUpCommand } from '../../../src/cluster/lookup.js';
import { writeKubeconfig } from '../../../src/cluster/kubeconfig.js';
import { randomSuffix, templateHash } from '../../../src/cluster/names.js';
import { MAX_PODS, sharedAddress, takeNetwork } from '../../../src/cluster/network.js';
import { podObject, type PodRecord } from '../../../src/cluster/pod-object.js';
import { podStatus } from '../../../src/apiserver/pod-table.js';
import { Backoff } from '../../../src/cluster/restart-backoff.js';
import { servicesOf } from '../../../src/cluster/services.js';
import { programWorkload, serveWorkload, workloadName } from '../../../src/cluster/workload.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { projectRoot } from '../../support/project-root.js';

describe('lookUpCommand', () => {
  let directory = '';
  before(() => {
    directory = mkdtempSync(join(tmpdir(), 'lookup-'));
    mkdirSync(join(directory, 'bin', 'folder'), { recursive: true });
    writeFileSync(join(directory, 'bin', 'tool'), '#!/bin/sh\n', { mode: 0o755 });
    writeFileSync(join(directory, 'bin', 'text'), '');
    chmodSync(join(directory, 'bin', 'text'), 0o644);
    symlinkSync(join(directory, 'nowhere'), join(directory, 'bin', 'broken'));
  });
  after(() => rmSync(directory, { recursive: true }));

  it('finds names on the path, and files relative to the working directory', () => {
    assert.equal(lookUpCommand('tool', `/nope:${directory}/bin`, '/'), join(directory, 'bin', 'tool'));
    assert.equal(lookUpCommand('tool', 'bin', directory), join(directory, 'bin', 'tool'));
    assert.equal(lookUpCommand('bin/tool', '', directory), join(directory, 'bin', 'tool'));
    assert.equal(lookUpCommand('/bin/sh', '', directory), '/bin/sh');
  });

  const failures: readonly (readonly [string, string])[] = [
    ['missing', 'executable file not found in $PATH'],
    ['broken', 'executable file not found in $PATH'],
    ['./missing', 'no such file or directory'],
    ['/', 'is a directory'],
    ['', 'invalid argument'],
    ['a\0b', 'invalid argument'],
    ['bin/text', 'permission denied'],
    ['text', 'permission denied'],
  ];
  for (const [command, why] of failures) {
    it(`${JSON.stringify(command)}: ${why}`, () => {
      assert.throws(() => lookUpCommand(command, join(directory, 'bin'), directory), {
        message: `exec: ${JSON.stringify(command)}: ${why}`,
      });
    });
  }
});

describe('names', () => {
  it('are what a Deployment would give', () => {
    assert.match(randomSuffix(), /^[bcdfghjklmnpqrstvwxz24-9]{5}$/);
    assert.equal(templateHash(['a', 'b']), templateHash(['a', 'b']));
    assert.notEqual(templateHash(['a', 'b']), templateHash(['ab']));
  });

  const rows: readonly (readonly [readonly string[], string])[] = [
    [['node', '/x/My_Server.js'], 'my-server'],
    [['/usr/bin/python3.12', 'app.py'], 'app'],
    [['node', '--version'], 'node'],
    [['/usr/bin/nginx'], 'nginx'],
    [['...'], 'pod'],
  ];
  for (const [command, name] of rows)
    it(`${command.join(' ')} is ${name}`, () => assert.equal(workloadName(command), name));
});

const IDENTITY = {
  name: 'p',
  namespace: 'n',
  uid: 'u',
  ip: '127.1.1.2',
  port: 8000,
  internalPort: 7000,
  directory: '/d',
  kubeconfig: '/k',
  clusterId: 'c',
};

describe('podEnvironment', () => {
  it('says what the pod is, and leaves out what is private to this process', () => {
    const identity = { ...IDENTITY, ip: 'i' };
    const inherited = {
      KUBECONFIG: '/real',
      HOME: '/h',
      PATH: '/p',
      POD_NAME: 'outer',
      TMUX: 'x',
      npm_config_x: 'x',
      NODE_CHANNEL_FD: '3',
    };
    assert.deepEqual(podEnvironment(identity, inherited), {
      HOME: '/h',
      PATH: '/p',
      PWD: '/d',
      HOSTNAME: 'p',
      POD_NAME: 'p',
      POD_NAMESPACE: 'n',
      POD_UID: 'u',
      POD_IP: 'i',
      HOST: 'i',
      PORT: '8000',
      INTERNAL_PORT: '7000',
      KUBECONFIG: '/k',
      TRUNKLINE_CLUSTER_ID: 'c',
    });
    assert.equal(clusterMark('c'), 'TRUNKLINE_CLUSTER_ID=c');
  });
});

describe('takeNetwork', () => {
  it('never takes what another cluster holds', async () => {
    const numbers = [200, 7, 200, 7, 200, 8];
    const next = (): number => numbers.shift() ?? 9;
    const first = await takeNetwork(next);
    const second = await takeNetwork(next);
    try {
      const a = await first.allocate();
      const b = await second.allocate();
      assert.notEqual(`${a.ip}:${a.port}`, `${b.ip}:${b.port}`);
      if (a.ip !== '127.0.0.1') {
        assert.deepEqual([a.ip, b.ip, numbers.length], ['127.200.7.2', '127.200.8.2', 0]);
        assert.deepEqual([a.port, a.internalPort], [8000, 7000]);
      }
    } finally {
      await Promise.all([first.close(), second.close()]);
    }
  });
});

describe('addresses', () => {
  it('go round, and come back when the pod is gone', { skip: process.platform !== 'linux' }, async () => {
    const network = await takeNetwork();
    const first = await network.allocate();
    const second = await network.allocate();
    network.release(first);
    const all = [second];
    for (let index = 1; index < MAX_PODS; index++) all.push(await network.allocate());
    const hosts = all.map(({ ip }) => Number(ip.split('.')[3]));
    assert.equal(new Set(hosts).size, MAX_PODS);
    // The one that was given back came last.
    assert.equal(all.at(-1)?.ip, first.ip);
    const waiting = network.allocate();
    network.release(second);
    assert.deepEqual(await waiting, second);
    const never = assert.rejects(network.allocate(), /closed/);
    await network.close();
    await never;
  });

  it('are ports where 127.0.0.1 is all there is: two for each pod, and none twice', async () => {
    const network = sharedAddress();
    const pods = await Promise.all(Array.from({ length: 10 }, () => network.allocate()));
    const ports = pods.flatMap(({ port, internalPort }) => [port, internalPort]);
    assert.equal(new Set(ports).size, 20);
    assert.ok(pods.every(({ ip }) => ip === '127.0.0.1'));
    for (const pod of pods) network.release(pod);
    await network.close();
  });
});

describe('workloads', () => {
  it('find the files that a command names, for pods have directories of their own', () => {
    const name = projectRoot;
    const of = (...command: string[]): readonly string[] => programWorkload({ command }, name).command;
    assert.deepEqual(of('node', 'package.json', 'x'), ['node', join(name, 'package.json'), 'x']);
    assert.deepEqual(of('node', '--flag', 'package.json', 'src'), [
      'node',
      '--flag',
      join(name, 'package.json'),
      'src',
    ]);
    assert.deepEqual(of('./scripts/x', 'src'), [join(name, 'scripts', 'x'), 'src']);
    assert.deepEqual(of('/bin/echo', 'src'), ['/bin/echo', 'src']);
    assert.deepEqual(of('node', '-e', '1'), ['node', '-e', '1']);
  });

  it('are ready when a port accepts, or as the path says', () => {
    const probe = (readinessPath?: string): string =>
      programWorkload({ command: ['x'], ...(readinessPath === undefined ? {} : { readinessPath }) }, '/').probe.kind;
    assert.deepEqual([probe(), probe('/ok')], ['tcp', 'http']);
  });

  it('are trunkline serve, which finds its peers by label', () => {
    const { command, app } = serveWorkload({ args: ['--history-events', '7'], secretFile: 'secret' });
    assert.equal(app, 'trunkline-serve');
    const text = command.join(' ');
    assert.match(text, / serve --peers kubernetes --selector app=trunkline-serve --peer-port-name mesh /);
    assert.ok(text.includes(`--secret-file ${join(process.cwd(), 'secret')}`), text);
    assert.ok(text.endsWith('--history-events 7'), text);
  });
});

describe('servicesOf', () => {
  it('are two without a virtual address: the ready ones for clients, all for the mesh', () => {
    const [mesh, serve] = servicesOf('web', 'n', new Date(0)).list().items.toReversed();
    assert.deepEqual([serve?.metadata.name, mesh?.metadata.name], ['web', 'web-mesh']);
    assert.deepEqual([serve?.spec.clusterIP, mesh?.spec.clusterIP], ['None', 'None']);
    assert.deepEqual([serve?.spec.publishNotReadyAddresses, mesh?.spec.publishNotReadyAddresses], [undefined, true]);
    assert.deepEqual([serve?.spec.ports?.[0]?.targetPort, mesh?.spec.ports?.[0]?.targetPort], ['http', 'mesh']);
    assert.deepEqual(serve?.spec.selector, { app: 'web' });
  });
});

describe('writeKubeconfig', () => {
  it('is for this user alone, and names no address that nobody can dial', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    try {
      const servers = ['http://127.0.0.1:1', 'http://0.0.0.0:2', 'http://[::]:3'];
      for (const [index, server] of servers.entries()) {
        await writeKubeconfig(join(directory, String(index)), server, 'default');
      }
      const read = (index: number): string =>
        (
          JSON.parse(readFileSync(join(directory, String(index)), 'utf8')) as {
            clusters: { cluster: { server: string } }[];
          }
        ).clusters[0]?.cluster.server ?? '';
      assert.deepEqual([0, 1, 2].map(read), ['http://127.0.0.1:1', 'http://127.0.0.1:2', 'http://[::1]:3']);
      assert.equal(statSync(join(directory, '0')).mode & 0o777, 0o600);
      // A file that somebody has put there is not written to.
      await assert.rejects(writeKubeconfig(join(directory, '0'), 'http://127.0.0.1:1', 'default'), { code: 'EEXIST' });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

describe('Backoff', () => {
  it('doubles to a minute, and starts over after a minute of health', () => {
    const clock = new VirtualClock();
    const backoff = new Backoff(clock);
    const pauses = Array.from({ length: 9 }, () => backoff.next());
    assert.deepEqual(
      pauses,
      [0, 1, 2, 4, 8, 16, 32, 60, 60].map((seconds) => seconds * 1000),
    );
    backoff.started();
    clock.advance(60_000);
    assert.equal(backoff.next(), 0);
    backoff.started();
    assert.equal(backoff.next(), 1_000);
    backoff.forgive();
    assert.equal(backoff.next(), 0);
  });
});

describe('exitCodeOf', () => {
  it('is the code, or 128 and the signal', () => {
    assert.deepEqual([exitCodeOf(3, null), exitCodeOf(null, 'SIGKILL'), exitCodeOf(null, 'SIGTERM')], [3, 137, 143]);
  });
});

describe('podObject', () => {
  const at = new Date('2026-01-01T00:00:00.123Z');
  const end = { exitCode: 137, signal: 9, startedAt: at, finishedAt: at };
  const record: PodRecord = {
    identity: IDENTITY,
    command: ['x'],
    labels: {},
    createdAt: at,
    deletion: undefined,
    probe: { kind: 'http', path: '/readyz' },
    graceSeconds: 30,
    state: { kind: 'creating' },
    lastEnd: undefined,
    restartCount: 0,
    ready: false,
    readyChangedAt: at,
  };

  it('tells the truth about each state', () => {
    const shown = (change: Partial<PodRecord>): readonly unknown[] => {
      const pod = podObject({ ...record, ...change });
      const ready = pod.status.conditions?.find(({ type }) => type === 'Ready')?.status;
      return [pod.status.phase, podStatus(pod), ready];
    };
    assert.deepEqual(shown({}), ['Pending', 'ContainerCreating', 'False']);
    assert.deepEqual(shown({ state: { kind: 'running', pid: 1, startedAt: at }, ready: true }), [
      'Running',
      'Running',
      'True',
    ]);
    assert.deepEqual(shown({ state: { kind: 'terminated', end } }), ['Running', 'Error', 'False']);
    assert.deepEqual(shown({ state: { kind: 'terminated', end: { ...end, exitCode: 0 } } }), [
      'Running',
      'Completed',
      'False',
    ]);
    assert.deepEqual(shown({ state: { kind: 'terminated', end: { ...end, startError: 'x' } } }), [
      'Running',
      'StartError',
      'False',
    ]);
    const backOff = { kind: 'back-off', milliseconds: 2000 } as const;
    assert.deepEqual(shown({ state: backOff, restartCount: 2 }), ['Running', 'CrashLoopBackOff', 'False']);
    const deletion = { deadline: at, graceSeconds: 30 };
    assert.deepEqual(shown({ deletion }), ['Pending', 'Terminating', 'False']);
    // Nobody starts it again: what it was is over.
    assert.deepEqual(shown({ deletion, state: { kind: 'terminated', end } }), ['Failed', 'Terminating', 'False']);
    const completed = { kind: 'terminated', end: { ...end, exitCode: 0 } } as const;
    assert.deepEqual(shown({ deletion, state: completed }), ['Succeeded', 'Terminating', 'False']);
  });

  it('says by when it is gone, what its ports are, and how it is asked', () => {
    const pod = podObject({ ...record, deletion: { deadline: at, graceSeconds: 7 } });
    const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    assert.deepEqual([deletionTimestamp, deletionGracePeriodSeconds], ['2026-01-01T00:00:00Z', 7]);
    assert.equal(pod.spec.terminationGracePeriodSeconds, 30);
    const [container] = pod.spec.containers;
    assert.deepEqual(
      container?.ports?.map(({ name, containerPort }) => [name, containerPort]),
      [
        ['http', 8000],
        ['mesh', 7000],
      ],
    );
    assert.deepEqual(container?.readinessProbe?.httpGet, { path: '/readyz', port: 'http' });
    const other = podObject({ ...record, probe: { kind: 'tcp', readyAfter: 1 } });
    assert.deepEqual(other.spec.containers[0]?.readinessProbe?.tcpSocket, { port: 'http' });
  });

  it('carries how the last run ended', () => {
    const pod = podObject({ ...record, lastEnd: end, restartCount: 1 });
    assert.deepEqual(pod.status.containerStatuses?.[0]?.lastState?.terminated, {
      exitCode: 137,
      signal: 9,
      reason: 'Error',
      startedAt: '2026-01-01T00:00:00Z',
      finishedAt: '2026-01-01T00:00:00Z',
    });
  });
});
