import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.js';

const goFolder = join(projectRoot, 'test', 'interop', 'go');

/** An object as the API server's code has read it, as far as it is looked at. */
export interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: Labels };
  readonly spec?: unknown;
}

export type Labels = Readonly<Record<string, string>>;

/** What the API server's code says of an object. */
export interface ManifestReport {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
  readonly object: KubernetesObject | null;
}

/** The labels by which a Service, a disruption budget or a network policy picks pods. */
export function selectorOf(object: KubernetesObject | null): Labels | undefined {
  switch (object?.kind) {
    case 'Service':
      return (object.spec as { readonly selector: Labels }).selector;
    case 'PodDisruptionBudget':
      return (object.spec as { readonly selector: { readonly matchLabels: Labels } }).selector.matchLabels;
    case 'NetworkPolicy':
      return (object.spec as { readonly podSelector: { readonly matchLabels: Labels } }).podSelector.matchLabels;
    default:
      return undefined;
  }
}

/** Builds the program, which has a module of its own, for it is made of the API server; quick when nothing changed. */
export function buildManifestCheck(): void {
  run('go', ['build', '-p', '2', '-o', '../bin/manifests', '.'], { cwd: join(goFolder, 'manifests') });
}

/** Strict decoding, defaults and validation of a stream of YAML documents. */
export function checkManifests(yaml: string): ManifestReport[] {
  const output = run(join(goFolder, 'bin', 'manifests'), [], { input: yaml });
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ManifestReport);
}

/** A copy of `deploy/` with secrets in each overlay, as one has it who follows the documentation. */
export function copyDeploy(folder: string, overlays: readonly string[]): string {
  const deploy = join(folder, 'deploy');
  const source = join(projectRoot, 'deploy');
  cpSync(source, deploy, { recursive: true, filter: (path) => !path.endsWith('/secrets') });
  for (const overlay of overlays) {
    const secrets = join(deploy, 'overlays', overlay, 'secrets');
    mkdirSync(secrets, { recursive: true });
    writeFileSync(join(secrets, 'mesh-secret'), 'a secret of the test, no more\n');
    writeFileSync(join(secrets, 'publish-token'), 'token-of-the-test\n');
  }
  return deploy;
}

/** What `kubectl kustomize` makes of a folder. @throws Error with what it wrote to stderr. */
export function render(folder: string): string {
  return run('kubectl', ['kustomize', folder], {});
}

function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string },
): string {
  const { error, status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    maxBuffer: 32 * 1024 * 1024,
    ...options,
  });
  if (error !== undefined) throw new Error(`${program} is needed on PATH`, { cause: error });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stderr}`);
  return stdout;
}
