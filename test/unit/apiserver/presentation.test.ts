import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { StatusError } from '../../../src/apiserver/index.js';
import { humanDuration } from '../../../src/apiserver/duration.js';
import { negotiate } from '../../../src/apiserver/negotiate.js';
import { podStatus, podTable } from '../../../src/apiserver/pod-table.js';
import { includeObjectOf, tableOf } from '../../../src/apiserver/table.js';
import { testPod } from './support.js';

const clock = { now: () => new Date('2026-01-01T01:00:00Z') };

describe('humanDuration', () => {
  const rows: readonly (readonly [number, string])[] = [
    [-2, '<invalid>'],
    [-0.5, '0s'],
    [119, '119s'],
    [120, '2m'],
    [184, '3m4s'],
    [600, '10m'],
    [179 * 60, '179m'],
    [180 * 60, '3h'],
    [320 * 60, '5h20m'],
    [47 * 3600, '47h'],
    [76 * 3600, '3d4h'],
    [192 * 3600, '8d'],
    [365 * 2 * 86400, '2y'],
    [(365 * 2 + 30) * 86400, '2y30d'],
    [365 * 8 * 86400, '8y'],
  ];
  for (const [seconds, text] of rows) it(`${seconds} s is ${text}`, () => assert.equal(humanDuration(seconds), text));
});

describe('negotiate', () => {
  const accept = (value?: string): ReturnType<typeof negotiate> =>
    negotiate({ headersDistinct: value === undefined ? {} : { accept: [value] } } as IncomingMessage);

  it('prefers what kubectl prefers', () => {
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io';
    assert.deepEqual(accept(`${table},application/json`), { as: 'Table', version: 'v1' });
    assert.deepEqual(accept(`application/json;as=Table;v=v1beta1;g=meta.k8s.io`), { as: 'Table', version: 'v1beta1' });
    assert.deepEqual(accept(`application/json;q=0.5,${table}`), { as: 'Table', version: 'v1' });
    assert.deepEqual(accept('application/vnd.kubernetes.protobuf,application/json'), { as: 'object' });
    assert.deepEqual(accept('application/json;as=Other;v=v1;g=meta.k8s.io,*/*'), { as: 'object' });
    assert.deepEqual(accept(), { as: 'object' });
  });

  for (const value of ['application/yaml', 'application/json;q=0', 'application/json;as=Table;v=v9;g=meta.k8s.io']) {
    it(`refuses ${value} with 406`, () => {
      assert.throws(
        () => accept(value),
        (error: StatusError) => error.status.code === 406,
      );
    });
  }
});

describe('pod table', () => {
  const cells = (pod: ReturnType<typeof testPod>): readonly (string | number)[] => podTable(clock).cells(pod);

  it('shows a running pod', () => {
    const row = ['a', '1/1', 'Running', '0', '60m', '127.1.1.2', 'local', '<none>', '<none>'];
    assert.deepEqual(cells(testPod('a')), row);
  });

  it('shows a pod that says no more than it must', () => {
    const { status, ...rest } = testPod('a');
    const least = { name: 'main', image: 'i', imageID: '', ready: true, restartCount: 0 };
    const pod = {
      ...rest,
      status: {
        ...status,
        containerStatuses: [{ ...least, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
      },
    };
    assert.deepEqual(cells(pod).slice(1, 4), ['1/1', 'Running', '0']);
  });

  it('shows restarts with their age, and why a container does not run', () => {
    const pod = testPod('a', {
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: {
        terminated: { exitCode: 1, reason: 'Error', startedAt: '', finishedAt: '2026-01-01T00:59:00Z' },
      },
      restartCount: 3,
      ready: false,
    });
    assert.deepEqual(cells(pod).slice(1, 4), ['0/1', 'CrashLoopBackOff', '3 (60s ago)']);
    const terminating = { ...pod, metadata: { ...pod.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
    assert.equal(podStatus(terminating), 'Terminating');
  });

  it('carries as much of the object as is asked for', () => {
    const table = (includeObject: 'None' | 'Metadata' | 'Object'): { rows: { object?: { kind: string } }[] } =>
      tableOf(podTable(clock), [testPod('a')], { version: 'v1', includeObject }) as ReturnType<typeof table>;
    assert.equal(table('None').rows[0]?.object, undefined);
    assert.equal(table('Metadata').rows[0]?.object?.kind, 'PartialObjectMetadata');
    assert.equal(table('Object').rows[0]?.object?.kind, 'Pod');
    assert.throws(
      () => includeObjectOf(new URLSearchParams('includeObject=all')),
      (error: StatusError) => error.status.code === 400,
    );
  });
});
