import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import client, { Registry } from 'prom-client';
import { EventLog } from '../../../../src/push/log/event-log.js';
import { promMetrics } from '../../../../src/push/metrics/prometheus.js';
import { VirtualClock } from '../../../../src/testing/index.js';

/** What a scrape says of these metrics, zeros left out. */
async function scrape(registry: Registry): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.endsWith(' 0'));
}

describe('metrics of a log in use', () => {
  it('follow what happens to it', async () => {
    const registry = new Registry();
    const log = new EventLog({ clock: new VirtualClock(), history: { events: 2 } });
    using _registration = promMetrics(log, client, { registry, prefix: 'p_', perStream: true });
    assert.deepEqual(await scrape(registry), []);

    const items: string[] = [];
    // Three in one tick is more than the history holds: both are told.
    const subscription = log.subscribe(['news', 'jobs.*'], (item) => {
      items.push(item.kind === 'event' ? item.data : item.reason);
    });
    const slow = log.subscribe('news');
    for (const data of ['one', 'two', 'three']) log.publish('news', data);
    log.publish('jobs.1', 'four');
    const [first, second] = [await slow.next(), await slow.next()];
    assert.equal(first.value?.kind, 'gap');
    assert.equal(second.value?.kind, 'event');
    slow.close();

    const lines = await scrape(registry);
    for (const line of [
      'p_followers{transport="subscription"} 1',
      'p_published_events_total 4',
      'p_gaps_total{reason="overtaken"} 2',
      'p_ended_total{transport="subscription",reason="left"} 1',
      'p_history_events 3',
      'p_streams 2',
      'p_stream_followers{stream="news"} 1',
      'p_stream_followers{stream="jobs.*"} 1',
    ]) {
      assert.ok(lines.includes(line), `${line} is not in\n${lines.join('\n')}`);
    }
    assert.ok(lines.some((line) => /^p_delivered_bytes_total\{transport="subscription"\} \d+$/.test(line)));

    log.close();
    assert.equal(await subscription.closed, 'closed');
    const after = await scrape(registry);
    assert.ok(after.includes('p_ended_total{transport="subscription",reason="closed"} 1'));
    assert.ok(!after.some((line) => line.startsWith('p_followers')));
    assert.ok(items.includes('four'));
  });
});
