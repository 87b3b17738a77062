import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import client from 'prom-client';
import type { MeasuredMesh } from '../../../../src/mesh/metrics/instruments.js';
import { promMeshMetrics } from '../../../../src/mesh/metrics/prometheus.js';
import type { LinkInfo, MeshStats } from '../../../../src/mesh/stats.js';

const STATS: MeshStats = {
  links: 2,
  linked: 5,
  unlinked: 3,
  dialFailures: 7,
  refused: 1,
  sent: 100,
  received: 90,
  bytesSent: 1_000,
  bytesReceived: 900,
  slow: 4,
  heldBack: 6,
  lacking: 2,
  repairs: 8,
  lost: 9,
  publishing: 11,
  unacknowledged: 12,
};

function link(name: string, more: Partial<LinkInfo> = {}): LinkInfo {
  return {
    origin: 'aaaaaaaa',
    name,
    address: '10.0.0.1:7000',
    state: 'ready',
    dialled: true,
    age: 2_500,
    roundTrip: 4,
    sent: 1,
    received: 1,
    behind: 3,
    slow: 0,
    bytesSent: 1,
    bytesReceived: 1,
    ...more,
  };
}

/** A mesh that counts how often it is read. */
function measured(links: readonly LinkInfo[]): MeasuredMesh & { readings: number } {
  return {
    state: 'ready',
    links,
    readings: 0,
    stats() {
      this.readings += 1;
      return STATS;
    },
  };
}

async function values(registry: client.Registry): Promise<string[]> {
  return (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

describe('promMeshMetrics', () => {
  it('offers the numbers of a mesh, in base units', async () => {
    const registry = new client.Registry();
    promMeshMetrics(measured([link('pod-b'), link('pod-c', { roundTrip: undefined, behind: 0 })]), client, {
      registry,
    });
    assert.deepEqual(
      (await values(registry)).map((line) => line.replace('trunkline_mesh_', '')),
      [
        'state{state="joining"} 0',
        'state{state="ready"} 1',
        'state{state="draining"} 0',
        'links 2',
        'linked_total 5',
        'unlinked_total 3',
        'dial_failures_total 7',
        'refused_links_total 1',
        'sent_events_total 100',
        'received_events_total 90',
        'sent_bytes_total 1000',
        'received_bytes_total 900',
        'slow_peer_waits_total 4',
        'held_back_events 6',
        'lacking_origins 2',
        'repairs_total 8',
        'lost_events_total 9',
        'waiting_publishers 11',
        'unacknowledged_events_total 12',
        'link_round_trip_seconds{peer="pod-b"} 0.004',
        'link_behind_events{peer="pod-b"} 3',
        'link_behind_events{peer="pod-c"} 0',
        'link_age_seconds{peer="pod-b"} 2.5',
        'link_age_seconds{peer="pod-c"} 2.5',
      ],
    );
  });

  it('reads the mesh once for a scrape, and forgets pods that have gone', async () => {
    const registry = new client.Registry();
    const links = [link('pod-b')];
    const mesh = measured(links);
    promMeshMetrics(mesh, client, { registry });
    await registry.metrics();
    assert.equal(mesh.readings, 1);
    links.length = 0;
    assert.ok(!(await registry.metrics()).includes('pod-b'));
  });

  it('is taken out again, and leaves nothing behind when it cannot be added', async () => {
    const registry = new client.Registry();
    const remove = promMeshMetrics(measured([]), client, { registry, prefix: 'a_' });
    assert.throws(() => promMeshMetrics(measured([]), client, { registry, prefix: 'a_' }), /already been registered/);
    promMeshMetrics(measured([]), client, { registry, prefix: 'b_' });
    remove();
    const left = await values(registry);
    assert.ok(left.length > 10 && left.every((line) => line.startsWith('b_')));
  });

  it('says what is wrong', () => {
    const mesh = measured([]);
    const nothing = JSON.parse('null') as MeasuredMesh;
    assert.throws(() => promMeshMetrics(nothing, client), /promMeshMetrics needs a Mesh first/);
    assert.throws(
      () => promMeshMetrics(mesh, JSON.parse('{}') as typeof client),
      /promMeshMetrics needs the module prom-client/,
    );
    assert.throws(() => promMeshMetrics(mesh, client, { prefx: 'a' } as object), { code: 'ERR_INVALID_ARGUMENT' });
    assert.throws(() => promMeshMetrics(mesh, client, { prefix: 'a-b' }), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
