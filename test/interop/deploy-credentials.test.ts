// What docs/deploy.md says of secrets and certificates, with pods of the command line: a secret is rotated pod by pod while
// the mesh stays one, and links go over mutual TLS with one name for all.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { ServePods } from '../e2e/support/mesh/serve-pods.js';

interface Status {
  readonly state: string;
  readonly links: readonly { readonly name: string }[];
}

describe('credentials of pods', { timeout: 90_000 }, () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const openssl = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  };
  const linksOf = async (pods: ServePods, name: string): Promise<readonly string[]> => {
    const status = (await (await fetch(`${pods.url(name)}/status`)).json()) as Status;
    return status.links.map((link) => link.name).toSorted();
  };
  const whole = async (pods: ServePods): Promise<void> => {
    for (const name of pods.names) {
      const others = pods.names.filter((other) => other !== name);
      while (String(await linksOf(pods, name)) !== String(others)) await pause(50);
    }
  };

  it('a secret follows another pod by pod, and every pod is linked with all others all the time', async () => {
    const [old, next] = ['the secret of yesterday\n', 'the secret of tomorrow\n'];
    const steps = [`${old}${next}`, `${next}${old}`, next].map((text, index) => [
      '--secret-file',
      file(`secret-${index}`, text),
    ]);
    await using pods = new ServePods(3, '127.71.4', ['--secret-file', file('secret', old)]);
    await pods.startAll();
    await whole(pods);
    for (const flags of steps) {
      for (const name of pods.names) {
        await pods.stop(name, 'SIGTERM');
        await pods.start(name, flags);
        await whole(pods);
      }
    }
    // Who still has only the secret of before is let in by nobody, and does not serve on its own: a rollout stops there.
    const [first = ''] = pods.names;
    await pods.stop(first, 'SIGTERM');
    pods.launch(first, ['--secret-file', file('secret-late', old)]);
    await pods.logged(first, /still joining/);
    assert.equal((await fetch(`${pods.url(first)}/readyz`)).status, 503);
    assert.deepEqual(await linksOf(pods, first), []);
  });

  it('links go over mutual TLS, with the same name in every certificate', async () => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
    const sign = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'pod.ext'];
    openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.crt', '-days', '2', '-subj', '/CN=authority');
    file('pod.ext', 'subjectAltName=DNS:trunkline-mesh\nextendedKeyUsage=serverAuth,clientAuth\n');
    openssl('req', ...key, '-keyout', 'tls.key', '-out', 'pod.csr', '-subj', '/CN=trunkline-mesh');
    openssl('x509', '-req', '-in', 'pod.csr', ...sign, '-out', 'tls.crt');
    const flags = ['cert:tls.crt', 'key:tls.key', 'ca:ca.crt'].flatMap((pair) => {
      const [flag, name = ''] = pair.split(':');
      return [`--tls-${flag}`, join(folder, name)];
    });
    await using pods = new ServePods(2, '127.71.5', [...flags, '--tls-name', 'trunkline-mesh']);
    await pods.startAll();
    await whole(pods);
    // The name is held against the certificate of who is dialled.
    const [first = ''] = pods.names;
    await pods.stop(first, 'SIGTERM');
    pods.launch(first, [...flags, '--tls-name', 'another-mesh', '--log-level', 'debug']);
    await pods.logged(first, /another-mesh/);
  });
});

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
