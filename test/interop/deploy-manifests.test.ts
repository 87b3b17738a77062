// What is in deploy/, as `kubectl kustomize` renders it, in the hands of the API server's own code: strict decoding, so that
// an unknown field is an error, defaults, validation, and the "restricted" Pod Security Standard.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../support/project-root.js';
import {
  buildManifestCheck,
  checkManifests,
  copyDeploy,
  render,
  selectorOf,
  type Labels,
  type ManifestReport,
} from './support/manifests.js';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

const OVERLAYS = ['production', 'local'];
const COMPONENTS = ['dns', 'endpoint-slices', 'mutual-tls', 'second-set'];

interface Container {
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly volumeMounts: readonly { readonly mountPath: string }[];
}

interface DeploymentSpec {
  readonly replicas?: number;
  readonly selector: { readonly matchLabels: Labels };
  readonly template: {
    readonly metadata: { readonly labels: Labels };
    readonly spec: {
      readonly serviceAccountName: string;
      readonly terminationGracePeriodSeconds: number;
      readonly automountServiceAccountToken: boolean;
      readonly containers: readonly [Container];
      readonly volumes: readonly { readonly secret: { readonly secretName: string } }[];
    };
  };
}

describe('deploy/', { timeout: 170_000 }, () => {
  let folder: string;
  let deploy: string;
  const rendered = new Map<string, string>();
  before(() => {
    buildManifestCheck();
    folder = mkdtempSync(join(tmpdir(), 'deploy-'));
    deploy = copyDeploy(folder, OVERLAYS);
    for (const overlay of OVERLAYS) rendered.set(overlay, render(join(deploy, 'overlays', overlay)));
    for (const component of COMPONENTS) {
      const composed = join(folder, component);
      mkdirSync(composed);
      const lines = ['resources: [../deploy/overlays/production]', `components: [../deploy/components/${component}]`];
      writeFileSync(join(composed, 'kustomization.yaml'), lines.join('\n'));
      rendered.set(component, render(composed));
    }
  });
  after(() => rmSync(folder, { recursive: true }));

  const checked = new Map<string, ManifestReport[]>();
  const reports = (name: string): readonly ManifestReport[] => {
    const all = checked.get(name) ?? checkManifests(rendered.get(name) ?? '');
    checked.set(name, all);
    return all;
  };
  const specOf = <T>(name: string, kind: string, which?: string): T => {
    const found = reports(name).find((one) => one.kind === kind && (which === undefined || one.name === which));
    assert.ok(found?.object, `${name} has ${kind} ${which ?? ''}`);
    return found.object.spec as T;
  };

  for (const name of [...OVERLAYS, ...COMPONENTS]) {
    it(`${name}: every object is accepted, without a warning`, () => {
      const all = reports(name);
      for (const { kind, name: which, errors, warnings } of all) {
        assert.deepEqual({ kind, which, errors, warnings }, { kind, which, errors: [], warnings: [] });
      }
      assert.ok(all.length >= 8, `${all.length} objects`);
    });

    it(`${name}: what selects pods selects those of the Deployment, and what is named is there`, () => {
      const { selector, template } = specOf<DeploymentSpec>(name, 'Deployment');
      const { labels } = template.metadata;
      const selectors = [selector.matchLabels, ...reports(name).map(({ object }) => selectorOf(object))];
      assert.ok(selectors.filter((one) => one !== undefined).length >= 6);
      for (const one of selectors) assert.deepEqual(one ?? labels, labels);
      const { serviceAccountName, volumes, containers } = template.spec;
      const names = (kind: string): string[] => reports(name).flatMap((one) => (one.kind === kind ? one.name : []));
      assert.deepEqual(names('ServiceAccount'), [serviceAccountName]);
      assert.ok(names('Secret').includes(volumes[0]?.secret.secretName ?? ''));
      const finder = containers[0].args.findLast((arg) => arg.startsWith('--peers='));
      if (finder === '--peers=kubernetes') {
        const [, pairs = ''] =
          /^--selector=(.*)$/.exec(containers[0].args.findLast((arg) => arg.startsWith('--sel')) ?? '') ?? [];
        assert.deepEqual(Object.fromEntries(pairs.split(',').map((pair) => pair.split('='))), labels);
      } else {
        assert.ok(names('Service').includes(finder?.split(':')[1] ?? ''), finder);
      }
    });
  }

  it('an unknown field, a wrong type, a value that is none and a privileged pod are refused', () => {
    const production = rendered.get('production') ?? '';
    const broken = (from: string, to: string): string[] => {
      assert.ok(production.includes(from), from);
      return checkManifests(production.replace(from, to)).flatMap(({ errors }) => errors);
    };
    assert.match(broken('minReadySeconds:', 'minReadySecond:').join(), /unknown field "spec.minReadySecond"/);
    assert.match(
      broken('minReadySeconds: 5', 'minReadySeconds: soon').join(),
      /cannot be decoded|cannot unmarshal|json/i,
    );
    assert.match(broken('whenUnsatisfiable: ScheduleAnyway', 'whenUnsatisfiable: Perhaps').join(), /Unsupported value/);
    assert.match(
      broken('allowPrivilegeEscalation: false', 'allowPrivilegeEscalation: true').join(),
      /pod security: allowPrivilegeEscalation/,
    );
  });

  it('a second set of pods has nothing in common with the first but the namespace', () => {
    const first = new Set(reports('production').map(({ kind, name }) => `${kind} ${name}`));
    const shared = reports('second-set').filter(({ kind, name }) => first.has(`${kind} ${name}`));
    assert.deepEqual(
      shared.map(({ kind }) => kind),
      ['Namespace'],
    );
    const labelsOf = (name: string): Labels => specOf<DeploymentSpec>(name, 'Deployment').selector.matchLabels;
    assert.notDeepEqual(labelsOf('second-set'), labelsOf('production'));
  });

  it('the production overlay leaves the number of pods to the autoscaler', () => {
    assert.equal(specOf<DeploymentSpec>('production', 'Deployment').replicas, undefined);
    const { minReplicas, scaleTargetRef } = specOf<{
      readonly minReplicas: number;
      readonly scaleTargetRef: { readonly name: string };
    }>('production', 'HorizontalPodAutoscaler');
    assert.ok(minReplicas >= 3);
    assert.equal(scaleTargetRef.name, 'trunkline');
  });

  it('with DNS the pods have no rights at the API server, nor a token for it', () => {
    assert.ok(!reports('dns').some(({ kind }) => kind === 'Role' || kind === 'RoleBinding'));
    assert.equal(specOf<DeploymentSpec>('dns', 'Deployment').template.spec.automountServiceAccountToken, false);
  });

  it('an overlay without its secrets renders nothing', () => {
    const bare = join(folder, 'bare');
    mkdirSync(bare);
    const copy = copyDeploy(bare, []);
    for (const overlay of OVERLAYS) {
      assert.throws(() => render(join(copy, 'overlays', overlay)), /secrets\/mesh-secret/);
    }
    assert.doesNotMatch(render(join(copy, 'base')), /kind: Secret/);
    const tracked = execFileSync('git', ['ls-files', 'deploy'], { cwd: projectRoot, encoding: 'utf8' });
    assert.doesNotMatch(tracked, /secrets\//);
  });

  it('asks of `trunkline serve` what it can do, by names that it knows', () => {
    const help = execFileSync(process.execPath, [main, 'serve', '--help'], {
      encoding: 'utf8',
    });
    for (const name of rendered.keys()) {
      const { args, env, ports } = specOf<DeploymentSpec>(name, 'Deployment').template.spec.containers[0];
      assert.equal(args[0], 'serve');
      for (const arg of args.slice(1)) {
        const [flag = ''] = arg.split('=');
        assert.match(help, new RegExp(`^  ${flag}[ ,]`, 'm'), `${name}: ${flag}`);
      }
      assert.deepEqual(
        env.map((one) => one.name),
        ['POD_NAME', 'POD_NAMESPACE', 'POD_IP'],
      );
      assert.deepEqual(
        ports.map((port) => [port.name, port.containerPort]),
        [
          ['http', 8000],
          ['mesh', 7000],
        ],
      );
    }
    for (const known of ['env: POD_NAME)', 'env: POD_NAMESPACE)', 'POD_IP', 'default: 8000', 'default:\n *7000']) {
      assert.match(help, new RegExp(known.replace(')', String.raw`\)`)), known);
    }
  });

  it('gives a pod the time that it takes to hand over', () => {
    const { terminationGracePeriodSeconds, containers } = specOf<DeploymentSpec>('production', 'Deployment').template
      .spec;
    const [{ args, lifecycle }] = containers;
    const drain = Number(/^--drain-timeout=(\d+)s$/.exec(args.find((arg) => arg.startsWith('--drain')) ?? '')?.[1]);
    assert.ok(drain >= 5);
    // And ten seconds to spare, for a node that is busy.
    assert.ok(terminationGracePeriodSeconds >= lifecycle.preStop.sleep.seconds + drain + 10);
  });

  it('the objects in docs/deploy.md are accepted', () => {
    const page = readFileSync(join(projectRoot, 'docs', 'deploy.md'), 'utf8');
    const blocks = [...page.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, text = '']) => text);
    const objects = blocks.filter((text) => /^apiVersion: (?!kustomize|cert-manager)/m.test(text));
    assert.ok(objects.length > 0);
    for (const text of objects) {
      for (const { kind, errors, warnings } of checkManifests(text)) {
        assert.deepEqual({ kind, errors, warnings }, { kind, errors: [], warnings: [] });
      }
    }
  });
});
