import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { EventSource as PackageEventSource } from 'eventsource';
import type { Browser } from 'playwright-core';
import { EventSource, SSEClient } from '../../../src/sse/index.js';
import { projectRoot } from '../../support/project-root.js';
import { ensureProgram } from './debian.js';
import { startGo } from './go-programs.js';

/** Told of each event that a client gives to its user. */
export type OnEvent = (type: string, data: string) => void;

/** Starts to follow; disposing ends it. */
export type Follow = (url: string, onEvent: OnEvent) => Promise<AsyncDisposable> | AsyncDisposable;

/** The types that sources without a way to ask for all are asked for. */
const TYPES = ['message', 'even', 'gap'];

interface Source {
  addEventListener(type: string, listener: (event: { readonly type: string; readonly data: string }) => void): void;
  close(): void;
}

function followSource(source: Source, onEvent: OnEvent): AsyncDisposable {
  for (const type of TYPES) source.addEventListener(type, (event) => onEvent(event.type, event.data));
  return { [Symbol.asyncDispose]: async () => source.close() };
}

export const ourEventSource: Follow = (url, onEvent) => followSource(new EventSource(url), onEvent);

export const packageEventSource: Follow = (url, onEvent) => followSource(new PackageEventSource(url), onEvent);

export const ourClient: Follow = (url, onEvent) => {
  const client = new SSEClient();
  const events = client.events();
  client.getStream(url);
  const read = async (): Promise<void> => {
    for await (const { type, data } of events) onEvent(type, data);
  };
  const reading = read();
  return {
    async [Symbol.asyncDispose]() {
      client.close();
      await reading;
    },
  };
};

/** github.com/tmaxmax/go-sse. */
export const goClient: Follow = (url, onEvent) => {
  const running = startGo<{ type: string; data: string }>('sseclient', [url]);
  const { stdout } = running.process;
  if (stdout !== null) {
    createInterface({ input: stdout }).on('line', (line) => {
      const { type, data } = JSON.parse(line) as { type: string; data: string };
      onEvent(type === '' ? 'message' : type, data);
    });
  }
  return {
    async [Symbol.asyncDispose]() {
      running.process.stdin?.end();
      const { status, stderr } = await running.finished;
      if (status !== 0) throw new Error(`sseclient ended with ${status}: ${stderr}`);
    },
  };
};

/** A shell loop around curl that resumes by hand. */
export const curl =
  (...options: readonly string[]): Follow =>
  (url, onEvent) =>
    followScript('follow-sse.sh', [url, ...options], (line) => {
      const tab = line.indexOf('\t');
      onEvent(line.slice(0, tab), line.slice(tab + 1).replaceAll('\x1f', '\n'));
    });

/** What the loop of etcd's users prints: an event, or an error of etcd's. */
interface EtcdAnswer {
  readonly errorCode?: number;
  readonly type?: string;
  readonly node?: { readonly value: string };
}

/** A shell loop around curl as for etcd's v2 API, from an index on; errors are given as `error` with their code. */
export const etcdLoop =
  (index: number): Follow =>
  (url, onEvent) =>
    followScript('watch-etcd.sh', [url, String(index)], (line) => {
      if (line === '') return;
      const { errorCode, type = '', node } = JSON.parse(line) as EtcdAnswer;
      if (node === undefined) onEvent('error', String(errorCode));
      else onEvent(type, node.value);
    });

function followScript(name: string, args: readonly string[], onLine: (line: string) => void): AsyncDisposable {
  ensureProgram('/usr/bin/curl', 'curl');
  const script = join(projectRoot, 'test', 'interop', 'shell', name);
  // In a group of its own, so that the curl it waits for ends with it.
  const child = spawn('bash', [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  createInterface({ input: child.stdout }).on('line', onLine);
  return { [Symbol.asyncDispose]: () => endGroup(child) };
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  const closed = once(child, 'close');
  process.kill(-child.pid, 'SIGTERM');
  await closed;
}

/** Chromium's EventSource, on a page of its own that comes from `page`. */
export const chromium =
  (browser: Browser, page: string): Follow =>
  async (url, onEvent) => {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const tab = await context.newPage();
    await tab.exposeFunction('onEvent', onEvent);
    await tab.goto(page);
    await tab.evaluate(
      `(${String((source: Source, types: readonly string[], tell: OnEvent) => {
        for (const type of types) source.addEventListener(type, (event) => tell(type, event.data));
      })})(new EventSource(${JSON.stringify(url)}), ${JSON.stringify(TYPES)}, onEvent)`,
    );
    return { [Symbol.asyncDispose]: async () => await context.close() };
  };
