import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createGunzip } from 'node:zlib';
import type { Page } from 'playwright-core';
import { openStream, StreamReader } from '../../support/push-sse.js';
import { ensureProgram } from './debian.js';

/** Somebody who follows an event stream, whatever program it is. */
export interface StreamFollower extends AsyncDisposable {
  /** Resolves once it has seen that many events; the data of all of them. */
  seen(count: number): Promise<readonly string[]>;
  /** Resolves when the stream has ended well; rejects when the program found fault with it. */
  ended(): Promise<void>;
}

/** Prints what it reads as soon as it comes, and complains when the gzip is not whole at the end. */
const PYTHON = `
import gzip, http.client, sys, urllib.parse, zlib
url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(url.hostname, url.port)
connection.request('GET', url.path + '?' + url.query, headers={'Accept-Encoding': 'gzip'})
response = connection.getresponse()
assert response.getheader('Content-Encoding') == 'gzip', response.getheaders()
decoder, raw, text = zlib.decompressobj(31), b'', b''
while chunk := response.read1(65536):
    raw += chunk
    decoded = decoder.decompress(chunk)
    text += decoded
    sys.stdout.buffer.write(decoded)
    sys.stdout.buffer.flush()
assert decoder.eof and not decoder.unused_data
assert gzip.decompress(raw) == text
`;

function program(command: string, ...args: string[]): StreamFollower {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const reader = new StreamReader();
  const exit = once(child, 'exit');
  let words = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (words += text));
  child.stdout.on('data', (bytes: Buffer) => reader.feed(bytes));
  child.stdout.on('end', () => reader.end());
  return {
    async seen(count) {
      await reader.until(({ events }) => events.length >= count);
      return reader.data;
    },
    async ended() {
      const [code] = (await exit) as [number | null];
      if (code !== 0) throw new Error(`${command} ended with ${code}: ${words}`);
    },
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.kill()) await exit;
    },
  };
}

export function followWithCurl(url: string, ...options: string[]): StreamFollower {
  ensureProgram('/usr/bin/curl', 'curl');
  return program('curl', '-sSN', ...options, url);
}

export function followWithPython(url: string): StreamFollower {
  ensureProgram('/usr/bin/python3', 'python3');
  return program('/usr/bin/python3', '-c', PYTHON, url);
}

export async function followWithNode(url: string, gzip: boolean): Promise<StreamFollower> {
  const settings = gzip ? { headers: { 'Accept-Encoding': 'gzip' }, decoder: createGunzip() } : {};
  const client = await openStream(url, settings);
  if ((client.response.headers['content-encoding'] === 'gzip') !== gzip) throw new Error('not coded as it should be');
  return {
    async seen(count) {
      await client.until(({ events }) => events.length >= count);
      return client.data;
    },
    ended: async () => await client.finished(),
    [Symbol.asyncDispose]: async () => await Promise.resolve(client.leave()),
  };
}

export async function followWithFetch(url: string): Promise<StreamFollower> {
  const stop = new AbortController();
  const response = await fetch(url, { signal: stop.signal });
  if (response.headers.get('content-encoding') !== 'gzip' || response.body === null) throw new Error('no gzip');
  const reader = new StreamReader();
  const { body } = response;
  const end = (async () => {
    for await (const bytes of body) reader.feed(bytes as Uint8Array);
  })();
  end.then(
    () => reader.end(),
    () => reader.end(),
  );
  return {
    async seen(count) {
      await reader.until(({ events }) => events.length >= count);
      return reader.data;
    },
    ended: async () => await end,
    [Symbol.asyncDispose]: async () => await Promise.resolve(stop.abort()),
  };
}

/** The EventSource of a page of the same origin. */
export async function followWithPage(page: Page, url: string): Promise<StreamFollower> {
  await page.evaluate(`
    globalThis.seen = []; globalThis.errors = 0;
    globalThis.source = new EventSource(${JSON.stringify(url)});
    source.onmessage = ({ data }) => seen.push(data);
    source.onerror = () => { errors += 1; source.close(); };
    new Promise((resolve) => { source.onopen = () => resolve(); })`);
  return {
    async seen(count) {
      await page.waitForFunction(`seen.length >= ${count}`);
      return await page.evaluate<string[]>('seen');
    },
    ended: async () => void (await page.waitForFunction('errors === 1')),
    [Symbol.asyncDispose]: async () => await page.evaluate<undefined>('source.close()'),
  };
}
