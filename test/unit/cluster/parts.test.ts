import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { clusterMark, podEnvironment } from '../../../src/cluster/environment.js';
import { exitCodeOf } from '../../../src/cluster/exit-code.js';
import { lookUpCommand } from '../../../src/cluster/lookup.js';
import { randomSuffix, templateHash, workloadName } from '../../../src/cluster/names.js';
import { takeNetwork } from '../../../src/cluster/network.js';
import { dashboardPage, escapeHTML } from '../../../src/cluster/dashboard-page.js';
import { podObject, type PodRecord } from '../../../src/cluster/pod-object.js';
import { podStatus } from '../../../src/apiserver/pod-table.js';
import { Backoff } from '../../../src/cluster/restart-backoff.js';
import { VirtualClock } from '../../../src/testing/index.js';

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

describe('podEnvironment', () => {
  it('says what the pod is, and leaves out what is private to this process', () => {
    const identity = { name: 'p', namespace: 'n', uid: 'u', ip: 'i', port: 8000, directory: '/d', clusterId: 'c' };
    const inherited = { HOME: '/h', PATH: '/p', POD_NAME: 'outer', TMUX: 'x', npm_config_x: 'x', NODE_CHANNEL_FD: '3' };
    assert.deepEqual(podEnvironment(identity, inherited), {
      HOME: '/h',
      PATH: '/p',
      PWD: '/d',
      HOSTNAME: 'p',
      POD_NAME: 'p',
      POD_NAMESPACE: 'n',
      POD_UID: 'u',
      POD_IP: 'i',
      PORT: '8000',
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
      const a = await first.address(0);
      const b = await second.address(0);
      assert.notEqual(`${a.ip}:${a.port}`, `${b.ip}:${b.port}`);
      if (a.ip !== '127.0.0.1') {
        assert.deepEqual([a.ip, b.ip, numbers.length], ['127.200.7.2', '127.200.8.2', 0]);
      }
    } finally {
      await Promise.all([first.close(), second.close()]);
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
    identity: { name: 'p', namespace: 'n', uid: 'u', ip: '127.1.1.2', port: 8000, directory: '/d', clusterId: 'c' },
    command: ['x'],
    labels: {},
    createdAt: at,
    deletedAt: undefined,
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
    assert.deepEqual(shown({ deletedAt: at }), ['Pending', 'Terminating', 'False']);
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

describe('dashboardPage', () => {
  it('escapes everything', () => {
    const evil = `"><script>alert('x')</script>&`;
    const pod = { name: evil, ip: evil, status: evil, ready: true, restarts: 1, events: evil };
    const page = dashboardPage(evil, [pod], 'nonce');
    assert.ok(!page.includes(evil));
    assert.equal(page.match(/<script/g)?.length, 1);
    assert.equal(escapeHTML(evil), '&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;&#38;');
  });
});
