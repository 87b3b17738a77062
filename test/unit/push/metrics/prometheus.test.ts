import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import client, { Registry, type OpenMetricsContentType } from 'prom-client';
import { InvalidArgumentError } from '../../../../src/errors/index.js';
import { promMetrics } from '../../../../src/push/metrics/prometheus.js';
import { NumbersLog } from './support.js';

/** The samples of a scrape: name and labels as they stand, and the number. */
function samplesOf(text: string): Record<string, number> {
  const samples: Record<string, number> = {};
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = /^([a-zA-Z_:][\w:]*(?:\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*",?)*\})?) (\S+)$/.exec(line);
    assert.ok(match !== null, `no sample: ${line}`);
    const [, name = '', value] = match;
    assert.ok(!Object.hasOwn(samples, name), `twice: ${name}`);
    samples[name] = Number(value);
  }
  return samples;
}

const EXPECTED = {
  'trunkline_push_followers{transport="sse"}': 5,
  'trunkline_push_followers{transport="websocket"}': 0,
  trunkline_push_published_events_total: 12,
  trunkline_push_appended_events_total: 3,
  trunkline_push_live_events_total: 4,
  trunkline_push_live_events_missed_total: 1,
  'trunkline_push_delivered_items_total{transport="sse"}': 40,
  'trunkline_push_delivered_items_total{transport="websocket"}': 2,
  'trunkline_push_delivered_bytes_total{transport="sse"}': 4_000,
  'trunkline_push_delivered_bytes_total{transport="websocket"}': 150,
  'trunkline_push_gaps_total{reason="expired"}': 1,
  'trunkline_push_gaps_total{reason="overtaken"}': 2,
  'trunkline_push_gaps_total{reason="unknown-origin"}': 0,
  'trunkline_push_gaps_total{reason="lost"}': 0,
  'trunkline_push_ended_total{transport="sse",reason="left"}': 7,
  'trunkline_push_ended_total{transport="sse",reason="stalled"}': 1,
  'trunkline_push_ended_total{transport="websocket",reason="closed"}': 2,
  trunkline_push_history_events: 15,
  trunkline_push_history_bytes: 2_300,
  trunkline_push_streams: 4,
};

describe('promMetrics', () => {
  it('tells every number of the log', async () => {
    const registry = new Registry();
    promMetrics(new NumbersLog(), client, { registry });
    assert.deepEqual(samplesOf(await registry.metrics()), EXPECTED);
  });

  it('says of each metric what it is, and names counters as Prometheus has it', async () => {
    const registry = new Registry();
    promMetrics(new NumbersLog(), client, { registry });
    const types = [...(await registry.metrics()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type]) => {
      assert.equal(type, name.endsWith('_total') ? 'counter' : 'gauge', name);
      return name;
    });
    assert.equal(types.length, 12);
    const helps = [...(await registry.metrics()).matchAll(/^# HELP (\S+) .+\.$/gm)].map(([, name]) => name);
    assert.deepEqual(helps, types);
  });

  it('reads the log anew for each scrape, and once', async () => {
    const registry = new Registry();
    const log = new NumbersLog();
    promMetrics(log, client, { registry });
    assert.equal(log.reads, 0);
    await registry.metrics();
    assert.equal(log.reads, 1);
    log.numbers = { ...log.numbers, published: 13, followers: { sse: 4 } };
    const samples = samplesOf(await registry.metrics());
    assert.equal(log.reads, 2);
    assert.equal(samples['trunkline_push_published_events_total'], 13);
    assert.equal(samples['trunkline_push_followers{transport="sse"}'], 4);
    assert.equal(samples['trunkline_push_followers{transport="websocket"}'], undefined);
  });

  it('has no streams as labels unless asked', async () => {
    const registry = new Registry();
    const log = new NumbersLog();
    promMetrics(log, client, { registry, perStream: true });
    const samples = samplesOf(await registry.metrics());
    assert.deepEqual(
      Object.entries(samples).filter(([name]) => name.includes('stream=')),
      [
        ['trunkline_push_stream_followers{stream="news"}', 3],
        [String.raw`trunkline_push_stream_followers{stream="a\"\\\n*"}`, 2],
      ],
    );
    log.streams = new Map([['other', 1]]);
    const later = Object.keys(samplesOf(await registry.metrics())).filter((name) => name.includes('stream='));
    assert.deepEqual(later, ['trunkline_push_stream_followers{stream="other"}']);
  });

  it('takes its metrics, and nothing else, out of the registry', async () => {
    const registry = new Registry();
    const other = new client.Counter({ name: 'other_total', help: 'x', registers: [registry] });
    other.inc(2);
    {
      using unregister = promMetrics(new NumbersLog(), client, { registry });
      unregister();
      unregister();
      assert.deepEqual(samplesOf(await registry.metrics()), { other_total: 2 });
    }
    promMetrics(new NumbersLog(), client, { registry });
    assert.equal(Object.keys(samplesOf(await registry.metrics())).length, Object.keys(EXPECTED).length + 1);
  });

  it('uses the global registry unless told otherwise', async () => {
    using registration = promMetrics(new NumbersLog(), client, { prefix: 'global_' });
    assert.equal(samplesOf(await client.register.metrics())['global_streams'], 4);
    registration();
    assert.equal(await client.register.metrics(), '\n');
  });

  it('adds nothing when a name is taken, and takes nothing away', async () => {
    const registry = new Registry();
    const first = new NumbersLog();
    promMetrics(first, client, { registry });
    assert.throws(() => promMetrics(new NumbersLog(), client, { registry }), /already been registered/);
    assert.deepEqual(samplesOf(await registry.metrics()), EXPECTED);
    const halfTaken = new Registry();
    const taken = new client.Gauge({ name: 'trunkline_push_gaps_total', help: 'x', registers: [halfTaken] });
    taken.set(9);
    assert.throws(() => promMetrics(first, client, { registry: halfTaken }), /already been registered/);
    assert.deepEqual(samplesOf(await halfTaken.metrics()), { trunkline_push_gaps_total: 9 });
  });

  it('serves two logs with different prefixes', async () => {
    const registry = new Registry();
    const second = new NumbersLog();
    second.numbers = { ...second.numbers, published: 99 };
    promMetrics(new NumbersLog(), client, { registry, prefix: 'chat_' });
    promMetrics(second, client, { registry, prefix: 'jobs_' });
    const samples = samplesOf(await registry.metrics());
    assert.equal(samples['chat_published_events_total'], 12);
    assert.equal(samples['jobs_published_events_total'], 99);
  });

  it('names counters in the OpenMetrics format, where prom-client adds _total, no other way', async () => {
    const registry = new Registry<OpenMetricsContentType>();
    registry.setContentType(client.openMetricsContentType);
    promMetrics(new NumbersLog(), client, { registry });
    const text = await registry.metrics();
    assert.match(text, /\n# EOF\n$/);
    assert.deepEqual(samplesOf(text), EXPECTED);
    assert.match(text, /^# TYPE trunkline_push_gaps counter$/m);
  });

  it('refuses options that do not exist or cannot be', () => {
    const log = new NumbersLog();
    const registry = new Registry();
    for (const options of [{ registery: registry }, { registry, prefix: 'a-b_' }, { registry, prefix: '' }]) {
      assert.throws(() => promMetrics(log, client, options), InvalidArgumentError);
    }
    assert.deepEqual(registry.getMetricsAsArray(), []);
  });

  it('refuses what is not prom-client', () => {
    const log = new NumbersLog();
    for (const other of [undefined, null, {}, { register: new Registry() }, { registry: new Registry() }, log]) {
      assert.throws(() => promMetrics(log, other as never), /^InvalidArgumentError: promMetrics needs .* prom-client/);
    }
  });
});
