import { existsSync } from 'node:fs';
import { basename, isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ReadinessProbe } from './readiness.js';

/** What the pods of a cluster run, and how it is told that they are ready. */
export interface Workload {
  readonly command: readonly string[];
  /** Name of the workload: the value of the pods' label `app`, and the first part of their names. */
  readonly app: string;
  readonly probe: ReadinessProbe;
  /** Where a pod serves events. */
  readonly eventsPath: string;
}

/** How the default pods are started. */
export interface ServeOptions {
  /** More arguments of `trunkline serve`. Relative paths in them lead to the pods' own directories. */
  readonly args?: readonly string[];
  /** File with the secret that the pods show each other. Default: none. */
  readonly secretFile?: string;
}

/** What a program of one's own is given. */
export interface ProgramOptions {
  readonly command: readonly string[];
  readonly readinessPath?: string;
}

/** Milliseconds after which a program that opens no port counts as ready. */
const READY_AFTER = 5_000;
const APP = 'trunkline-serve';
const STREAM = 'ticks';
const DEMO = ['--ticks', STREAM, '--stdin', STREAM, '--no-json'];
const INTERPRETER = /^(?:node|sh|bash|zsh|perl|python[\d.]*|ruby|deno|bun|tsx)$/;

/**
 * Pods of `trunkline serve` that find one another through the API server, and publish an event each second on the stream
 * `ticks` and what they read from their standard input.
 */
export function serveWorkload({ args = [], secretFile }: ServeOptions): Workload {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const secret = secretFile === undefined ? [] : ['--secret-file', resolve(secretFile)];
  const discovery = ['--peers', 'kubernetes', '--selector', `app=${APP}`, '--peer-port-name', 'mesh'];
  return {
    command: [process.execPath, main, 'serve', ...discovery, ...DEMO, ...secret, ...args],
    app: APP,
    probe: { kind: 'http', path: '/readyz' },
    eventsPath: `/events?stream=${STREAM}`,
  };
}

/** Pods that run a program of one's own; files that it names are looked for from `cwd`, for the pods have directories of their own. */
export function programWorkload({ command, readinessPath }: ProgramOptions, cwd: string): Workload {
  return {
    command: resolveFiles(command, cwd),
    app: workloadName(command),
    probe:
      readinessPath === undefined ? { kind: 'tcp', readyAfter: READY_AFTER } : { kind: 'http', path: readinessPath },
    eventsPath: '/events',
  };
}

/** Makes the program's path absolute, and that of an interpreter's script. */
function resolveFiles(command: readonly string[], cwd: string): readonly string[] {
  const [program = '', ...args] = command;
  const file = program.includes('/') && !isAbsolute(program) ? resolve(cwd, program) : program;
  if (!INTERPRETER.test(basename(program))) return [file, ...args];
  const script = args.findIndex((argument) => !argument.startsWith('-') && existsSync(resolve(cwd, argument)));
  return [file, ...args.map((argument, index) => (index === script ? resolve(cwd, argument) : argument))];
}

/** What pods that run this command are called: the script of an interpreter, else the program; a DNS label. */
export function workloadName(command: readonly string[]): string {
  const [program = '', script] = command;
  const interpreted = INTERPRETER.test(basename(program));
  const file = interpreted && script !== undefined && !script.startsWith('-') ? script : program;
  const label = basename(file)
    .replace(/\.[a-z]+$/i, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40)
    .replace(/^-+|-+$/g, '');
  return label === '' ? 'pod' : label;
}
