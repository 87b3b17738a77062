import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { MeshOptions } from '../../src/mesh/options.js';
import { CA, SERVER_CERT, SERVER_KEY, CLIENT_CERT, CLIENT_KEY } from '../support/certificates.js';
import { Pods, until } from '../support/mesh-pods.js';
import { INTRUDER_CERT, INTRUDER_KEY } from './mesh-support.js';

type Tls = NonNullable<MeshOptions['tls']>;

const server: Tls['server'] = { cert: SERVER_CERT, key: SERVER_KEY, ca: CA };
const client: Tls['client'] = { cert: CLIENT_CERT, key: CLIENT_KEY, ca: CA };

const intruder = { cert: INTRUDER_CERT, key: INTRUDER_KEY, ca: CA };

/** Pods that trust one another, and one with other certificates, which all of them dial and which dials them. */
async function refuses(tls: Tls | undefined): Promise<void> {
  await using pods = new Pods();
  const [a, b] = [await pods.add({ tls: { server, client } }), await pods.add({ tls: { server, client } })];
  await until(() => a.links.length === 1 && b.links.length === 1);
  const { mesh: stranger } = await pods.begin(tls === undefined ? {} : { tls });
  await until(() => stranger.stats().dialFailures > 6);
  assert.ok((await a.publish('news', 'among us')).acks >= 2);
  assert.equal(b.log.newest('news')?.data, 'among us');
  assert.deepEqual([stranger.links, stranger.log.newest('news')], [[], undefined]);
  assert.deepEqual([a.links.length, b.links.length], [1, 1]);
}

describe('Row 30: mutual TLS between pods', () => {
  it('links pods whose certificates the other trusts', { timeout: 30_000 }, async () => {
    await using pods = new Pods();
    const [a, b] = [await pods.add({ tls: { server, client } }), await pods.add({ tls: { server, client } })];
    await until(() => a.links.length === 1 && b.links.length === 1);
    assert.ok((await a.publish('news', 'over TLS')).acks >= 2);
  });

  it('refuses a pod that shows no certificate', { timeout: 30_000 }, async () => {
    await refuses({ server: intruder, client: { ca: CA } });
  });

  it('refuses a pod with certificates of another CA, whoever dials', { timeout: 30_000 }, async () => {
    await refuses({ server: intruder, client: intruder });
  });

  it('refuses a pod without TLS', { timeout: 30_000 }, async () => {
    await refuses(undefined);
  });

  it('does not dial a pod of another name than its certificate has', { timeout: 30_000 }, async () => {
    await using pods = new Pods();
    const a = await pods.add({ tls: { server, client } });
    const b = (await pods.begin({ tls: { server, client: { ...client, servername: 'another-pod.test' } } })).mesh;
    await until(() => b.stats().dialFailures > 2);
    // The other dials it by an address that the certificate has, and that is the link there is.
    await until(() => a.links.length === 1);
    assert.equal(a.links[0]?.dialled, true);
  });
});
