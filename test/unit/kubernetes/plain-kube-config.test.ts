import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { writeKubeconfig } from '../../../src/cluster/kubeconfig.js';
import { plainKubeConfig } from '../../../src/kubernetes/plain-kube-config.js';
import { temporaryFolder } from '../../support/folder.js';

const CONFIG = {
  'current-context': 'x',
  contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'team' } }],
  clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1' } }],
  users: [{ name: 'u', user: {} }],
};

describe('plainKubeConfig', () => {
  it('reads what the embedded cluster writes', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'kubeconfig');
    await writeKubeconfig(file, 'http://127.0.0.1:8001', 'default');
    const config = await plainKubeConfig(file);
    assert.equal(config?.getCurrentCluster()?.server, 'http://127.0.0.1:8001');
    assert.equal(config?.getContextObject(config.getCurrentContext())?.namespace, 'default');
    assert.equal(config?.getContextObject('other'), null);
    const options = {};
    await config?.applyToHTTPSOptions(options);
    assert.deepEqual(options, {});
  });

  const others: Readonly<Record<string, unknown>> = {
    'no JSON': 'apiVersion: v1',
    'no object': null,
    'no current context': { ...CONFIG, 'current-context': '' },
    'another context': { ...CONFIG, 'current-context': 'y' },
    'a token': { ...CONFIG, users: [{ name: 'u', user: { token: 't' } }] },
    'no user': { ...CONFIG, users: [] },
    TLS: { ...CONFIG, clusters: [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }] },
    'a proxy': {
      ...CONFIG,
      clusters: [{ name: 'c', cluster: { server: 'http://127.0.0.1:1', 'proxy-url': 'http://p' } }],
    },
    'no address': { ...CONFIG, clusters: [{ name: 'c', cluster: { server: 'nowhere' } }] },
  };
  for (const [what, content] of Object.entries(others)) {
    it(`leaves to the client library: ${what}`, async () => {
      using folder = temporaryFolder();
      const file = join(folder.path, 'kubeconfig');
      writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
      assert.equal(await plainKubeConfig(file), undefined);
    });
  }

  it('reads no list of files, and no file that is not there', async () => {
    assert.equal(await plainKubeConfig('/nowhere:/neither'), undefined);
    assert.equal(await plainKubeConfig('/nowhere'), undefined);
    assert.equal(await plainKubeConfig(undefined), undefined);
  });
});
