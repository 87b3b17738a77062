import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Meter } from '@opentelemetry/api';
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  MetricReader,
  type MetricData,
} from '@opentelemetry/sdk-metrics';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { otelMetrics } from '../../../../src/push/metrics/opentelemetry.js';
import { NumbersLog } from './support.js';

/** Collects when it is told to, and exports to memory. */
class ManualReader extends MetricReader {
  readonly exporter: InMemoryMetricExporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);

  async read(): Promise<readonly MetricData[]> {
    const { resourceMetrics, errors } = await this.collect();
    assert.deepEqual(errors, []);
    this.exporter.reset();
    await new Promise<void>((resolve) => this.exporter.export(resourceMetrics, () => resolve()));
    return this.exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}

function setUp(t: TestContext): { meter: Meter; reader: ManualReader } {
  const reader = new ManualReader();
  const provider = new MeterProvider({ readers: [reader] });
  t.after(() => provider.shutdown());
  return { meter: provider.getMeter('test'), reader };
}

function pointsOf(metrics: readonly MetricData[]): Record<string, unknown> {
  return Object.fromEntries(
    metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ attributes, value }) => [...Object.values(attributes), value]),
    ]),
  );
}

const EXPECTED = {
  'trunkline.push.follower.count': [
    ['sse', 5],
    ['websocket', 0],
  ],
  'trunkline.push.published.events': [[12]],
  'trunkline.push.appended.events': [[3]],
  'trunkline.push.live.events': [[4]],
  'trunkline.push.live.events.missed': [[1]],
  'trunkline.push.delivered.items': [
    ['sse', 40],
    ['websocket', 2],
  ],
  'trunkline.push.delivered.io': [
    ['sse', 4_000],
    ['websocket', 150],
  ],
  'trunkline.push.gaps': [
    ['expired', 1],
    ['overtaken', 2],
    ['unknown-origin', 0],
    ['lost', 0],
  ],
  'trunkline.push.follower.ended': [
    ['sse', 'left', 7],
    ['sse', 'stalled', 1],
    ['websocket', 'closed', 2],
  ],
  'trunkline.push.history.event.count': [[15]],
  'trunkline.push.history.size': [[2_300]],
  'trunkline.push.stream.count': [[4]],
};

describe('otelMetrics', () => {
  it('tells every number of the log', async (t) => {
    const { meter, reader } = setUp(t);
    otelMetrics(new NumbersLog(), meter);
    const metrics = await reader.read();
    assert.deepEqual(pointsOf(metrics), EXPECTED);
    const attributes = metrics.find(({ descriptor }) => descriptor.name === 'trunkline.push.follower.ended');
    assert.deepEqual(attributes?.dataPoints[0]?.attributes, {
      'trunkline.push.transport': 'sse',
      'trunkline.push.reason': 'left',
    });
  });

  it('tells counters from levels, and has units', async (t) => {
    const { meter, reader } = setUp(t);
    otelMetrics(new NumbersLog(), meter);
    for (const { dataPointType, descriptor, ...data } of await reader.read()) {
      assert.equal(dataPointType, DataPointType.SUM, descriptor.name);
      const level = /\.(?:count|size)$/.test(descriptor.name);
      assert.equal('isMonotonic' in data && data.isMonotonic, !level, descriptor.name);
      assert.match(descriptor.unit, /\.(?:io|size)$/.test(descriptor.name) ? /^By$/ : /^\{\w+\}$/, descriptor.name);
      assert.match(descriptor.description, /\.$/, descriptor.name);
    }
  });

  it('reads the log once for each collection', async (t) => {
    const { meter, reader } = setUp(t);
    const log = new NumbersLog();
    otelMetrics(log, meter);
    assert.equal(log.reads, 0);
    await reader.read();
    log.numbers = { ...log.numbers, published: 13 };
    assert.deepEqual(pointsOf(await reader.read()), { ...EXPECTED, 'trunkline.push.published.events': [[13]] });
    assert.equal(log.reads, 2);
  });

  it('has no streams as attributes unless asked', async (t) => {
    const { meter, reader } = setUp(t);
    otelMetrics(new NumbersLog(), meter, { perStream: true, prefix: 'chat.' });
    const metrics = await reader.read();
    assert.deepEqual(pointsOf(metrics)['chat.stream.follower.count'], [
      ['news', 3],
      ['a"\\\n*', 2],
    ]);
    assert.deepEqual(Object.keys(metrics.at(-1)?.dataPoints[0]?.attributes ?? {}), ['chat.stream']);
  });

  it('tells nothing any more when it is stopped', async (t) => {
    const { meter, reader } = setUp(t);
    const log = new NumbersLog();
    {
      using registration = otelMetrics(log, meter);
      await reader.read();
      assert.equal(log.reads, 1);
      registration();
    }
    await reader.read();
    assert.equal(log.reads, 1);
  });

  it('refuses options that do not exist or cannot be', (t) => {
    const { meter } = setUp(t);
    for (const options of [{ registry: 1 }, { prefix: '' }, { prefix: '1.' }, { prefix: 'ä.' }]) {
      assert.throws(() => otelMetrics(new NumbersLog(), meter, options), InvalidArgumentError);
    }
  });

  it('refuses what is no meter', () => {
    for (const other of [undefined, null, {}, { prefix: 'a' }, new NumbersLog()]) {
      assert.throws(
        () => otelMetrics(new NumbersLog(), other as never),
        /^InvalidArgumentError: otelMetrics needs a meter/,
      );
    }
  });
});
