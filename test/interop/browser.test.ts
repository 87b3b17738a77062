// The browser build in Chromium, bundled as users do, against our server: `npm run build` comes first.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { projectRoot } from '../support/project-root.js';
import { launchChromium, rendererPids } from './support/chromium.js';
import { startIdleProxy } from './support/idle-proxy.js';
import { residentBytes } from './support/memory.js';
import { bundlePage, type PageBundle } from './support/page-bundle.js';
import { PageServer } from './support/page-server.js';

const MiB = 1024 * 1024;
const WINDOW = 256 * 1024;

interface Failure {
  readonly name: string;
  readonly kind?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly message: string;
}

let browser: Browser;
let bundle: PageBundle;
let server: PageServer;
let address: string;
let page: Page;

async function open(at: string): Promise<Page> {
  const opened = await browser.newPage();
  opened.on('pageerror', (error) => assert.fail(`the page threw ${error.stack}`));
  await opened.goto(`http://${at}/`);
  // A module has run once the page is loaded.
  assert.equal(await opened.evaluate('typeof scenarios'), 'object');
  return opened;
}

/** Runs a scenario of test/interop/browser/page.js in a page. */
async function run<T>(name: string, options: object = {}, where: Page = page): Promise<T> {
  return await where.evaluate<T>(`scenarios[${JSON.stringify(name)}](${JSON.stringify(options)})`);
}

before(async () => {
  bundle = await bundlePage({ file: 'test/interop/browser/page.js' });
  server = new PageServer(bundle.code);
  address = await server.listen();
  browser = await launchChromium();
  page = await open(address);
});
after(async () => {
  await browser?.close();
  await server?.[Symbol.asyncDispose]();
});

describe('the browser build in Chromium', { timeout: 170_000 }, () => {
  test('is bundled without anything of Node', async (t) => {
    const client = await bundlePage({ code: "export { connectWebSocket } from 'trunkline/websocket';" });
    assert.deepEqual([...bundle.externals, ...client.externals], []);
    assert.doesNotMatch(bundle.code, /["']node:/);
    assert.ok(client.inputs.includes('dist/browser/index.js'), client.inputs.join());
    assert.ok(!client.inputs.some((name) => /\/ws\/|dist\/carrier|dist\/websocket/.test(name)), client.inputs.join());
    t.diagnostic(`${client.bytes} bytes minified, ${client.gzipBytes} with gzip`);
    assert.ok(client.gzipBytes < 32 * 1024, `${client.gzipBytes} bytes`);
  });

  test('has types that need no types of Node', async () => {
    // Inside the project, so that the package finds itself by name.
    const folder = await mkdtemp(join(projectRoot, '.build-types-'));
    try {
      await writeFile(join(folder, 'page.ts'), TYPED_PAGE);
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(TYPED_PAGE_SETTINGS));
      const tsc = join(projectRoot, 'node_modules', '.bin', 'tsc');
      const { status, stdout } = spawnSync(tsc, ['-p', folder], { encoding: 'utf8' });
      assert.equal(status, 0, stdout);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test('echoes 64 MiB on 100 streams of one WebSocket', async (t) => {
    const total = 64 * MiB;
    const { results, milliseconds, left } = await run<{
      results: { bytes: number; sent: string; received: string }[];
      milliseconds: number;
      left: number;
    }>('echo', { count: 100, total });
    assert.equal(results.length, 100);
    assert.equal(
      results.reduce((sum, { bytes }) => sum + bytes, 0),
      total,
    );
    results.forEach(({ bytes, sent, received }, index) => {
      assert.equal(received, sent);
      assert.deepEqual(server.echoed.get(String(index)), { bytes, sha256: sent });
    });
    assert.equal(left, 0);
    assert.equal(new Set(results.map(({ sent }) => sent)).size, 100);
    t.diagnostic(`${Math.round(milliseconds)} ms, ${Math.round((2 * total) / 1000 / milliseconds)} MB/s both ways`);
  });

  test('a page that stops reading holds one window of each stream', async (t) => {
    const count = 100;
    const memory = async (): Promise<number> => {
      await page.evaluate('gc()');
      return (await rendererPids(browser)).reduce((sum, pid) => sum + residentBytes(pid), 0);
    };
    const atFirst = await memory();
    await run('flood', { count });
    const served = server.pages.at(-1);
    assert.ok(served !== undefined);
    let sent = 0;
    do {
      sent = served.bytesSent();
      await delay(500);
    } while (served.bytesSent() !== sent);
    const most = count * (WINDOW + 4096);
    assert.ok(
      sent <= most && sent >= count * WINDOW,
      `the server sent ${sent} bytes, the windows are ${count * WINDOW}`,
    );
    const grown = (await memory()) - atFirst;
    t.diagnostic(`sent ${sent}, the page's memory grew by ${(grown / MiB).toFixed(1)} MiB`);
    assert.ok(grown < 2 * count * WINDOW, `the page grew by ${grown} bytes`);

    const { read, other } = await run<{ read: number; other: string }>('readSome', { bytes: 8 * MiB });
    assert.equal(other, 'still here');
    assert.ok(read >= 8 * MiB);
    assert.deepEqual(await run('endFlood'), { open: 1 });
  });

  test('writes wait for a server that does not read', async () => {
    const { done } = await run<{ done: number }>('unread', { patience: 1000 });
    // The window also took the headers, and so not all of the last write.
    assert.equal(done, WINDOW - 64 * 1024);
  });

  test('half-close, both ways', async () => {
    assert.deepEqual(await run('halfClose'), { counted: '100000', greeting: 'welcome' });
    assert.deepEqual(server.heard, [200_000]);
  });

  test('resets by the page', async () => {
    const { read, left } = await run<{ read: Failure; left: number }>('resetByPage');
    assert.deepEqual([read.kind, read.code, read.reason], ['StreamResetError', 'ERR_STREAM_RESET', 'internal-error']);
    assert.equal(left, 0);
    assert.deepEqual([...server.watched.keys()].toSorted(), ['abort', 'break', 'cancel', 'reset']);
    for (const [how, error] of server.watched) assert.equal(error?.name, 'StreamResetError', how);
  });

  test('resets by the server, after what had arrived', async () => {
    const { value, reading, writing } = await run<{ value: string; reading: Failure; writing: Failure }>(
      'resetByServer',
    );
    assert.equal(value, 'hello');
    assert.deepEqual([reading.kind, reading.code], ['StreamResetError', 'ERR_STREAM_RESET']);
    assert.deepEqual([writing.kind, writing.code], ['StreamResetError', 'ERR_STREAM_RESET']);
  });

  test('a refused stream tells its reason', async () => {
    const failures = await run<Record<string, Failure>>('refused');
    assert.deepEqual(Object.keys(failures), ['created', 'accepted', 'read']);
    for (const { name, kind, reason, message } of Object.values(failures)) {
      assert.deepEqual([name, kind, reason], ['StreamResetError', 'StreamResetError', 'refused']);
      assert.match(message, /no room for you/);
    }
  });

  test('the server opens streams to the page', async () => {
    const { seen, report } = await run<{ seen: string[]; report: Record<string, unknown> }>('incoming');
    assert.deepEqual(seen, ['echo', 'later', 'unwanted', 'rejected']);
    const { echoed, later, unwanted, rejected } = report;
    assert.deepEqual([echoed, later], [true, true]);
    assert.equal((unwanted as Failure).code, 'ERR_STREAM_RESET');
    assert.doesNotMatch((unwanted as Failure).message, /not served here/);
    assert.equal((rejected as Failure).reason, 'refused');
    assert.match((rejected as Failure).message, /the page is full/);
  });

  test('a lost connection is an error, after what had arrived', async () => {
    const { value, reading, closed, again } = await run<Lost>('lost', { kind: 'cut' });
    assert.equal(value, 'hello');
    assert.deepEqual([reading.kind, reading.code], ['ConnectionLostError', 'ERR_CONNECTION_LOST']);
    assert.deepEqual([closed.kind, closed.initiator], ['lost', 'remote']);
    assert.equal(again.code, 'ERR_CONNECTION_LOST');
  });

  test('a server that closes says goodbye', async () => {
    const { value, reading, closed } = await run<Lost>('lost', { kind: 'close' });
    assert.equal(value, 'hello');
    assert.equal(reading.code, 'ERR_STREAM_RESET');
    assert.deepEqual(closed, { kind: 'going-away', initiator: 'remote' });
  });

  test('abort signals', async () => {
    const { early, during, create, left } = await run<
      Record<'early' | 'during' | 'create', Failure> & { left: number }
    >('aborted');
    assert.deepEqual([early.name, during.name, create.name], ['AbortError', 'AbortError', 'AbortError']);
    assert.equal(create.message, 'changed my mind');
    assert.equal(left, 0);
  });

  test('a WebSocket that cannot be had', async () => {
    const { refused, wrong } = await run<Record<'refused' | 'wrong', Failure>>('failsToConnect');
    assert.equal(refused.code, 'ERR_UPGRADE_FAILURE');
    assert.equal(wrong.code, 'ERR_UPGRADE_FAILURE');
    assert.match(wrong.message, /other\.v1/);
  });

  test('a page that was blocked, or frozen, keeps a connection that lives', async () => {
    await run('keep', { pingPeriod: 300, pingTimeout: 1500 });
    await run('block', { milliseconds: 3000 });
    await delay(1000);
    assert.deepEqual(await run('look'), { closed: undefined, roundTrip: 'number' });
    const session = await page.context().newCDPSession(page);
    await session.send('Page.setWebLifecycleState', { state: 'frozen' });
    await delay(3000);
    await session.send('Page.setWebLifecycleState', { state: 'active' });
    await delay(1000);
    await session.detach();
    assert.deepEqual(await run('look'), { closed: undefined, roundTrip: 'number' });
  });

  test('plain yamux, without headers', async () => {
    const { answer, headers, protocol } = await run<{ answer: string; headers: Failure; protocol: string }>(
      'plainYamux',
    );
    assert.deepEqual([answer, protocol, headers.code], ['no headers', 'yamux', 'ERR_INVALID_ARGUMENT']);
  });

  test('needs no eval', async () => {
    assert.deepEqual(await run('violations'), { violations: ['eval'], attempt: 'EvalError' });
  });

  test('in a worker', async () => {
    const { results } = await run<{ results: { bytes: number; sent: string; received: string }[] }>('worker');
    assert.equal(results.length, 3);
    for (const { sent, received } of results) assert.equal(received, sent);
  });

  test('pings keep an idle page connected through a proxy that cuts idle connections', async () => {
    await using proxy = await startIdleProxy(address, 2000);
    const behind = await open(proxy.address);
    const silent = run<Idle>('idle', { milliseconds: 5000, pingPeriod: 0 }, behind);
    const pinging = run<Idle>('idle', { milliseconds: 5000, pingPeriod: 300 }, behind);
    assert.equal((await silent).closed.kind, 'lost');
    assert.ok(proxy.cuts() > 0);
    assert.deepEqual(await pinging, { failed: undefined, closed: { kind: 'closed', initiator: 'local' } });
    await behind.close();
  });

  test('pings find out that the server is gone without a word', async () => {
    await using proxy = await startIdleProxy(address, 0);
    const behind = await open(proxy.address);
    const idle = run<Idle>('idle', { milliseconds: 60_000, pingPeriod: 300, pingTimeout: 500 }, behind);
    const known = server.pages.length;
    while (server.pages.length === known) await delay(10);
    // Once this is answered, so is the page's handshake.
    await server.pages[known]?.connection.ping();
    proxy.stall();
    const { failed, closed } = await idle;
    assert.equal(closed.kind, 'ping-timeout');
    assert.equal(failed?.code, 'ERR_CONNECTION_LOST');
    await behind.close();
  });
});

describe('examples/browser', { timeout: 60_000 }, () => {
  test('shows streams of both sides in a page', async () => {
    const program = join(projectRoot, 'examples', 'browser', 'server.js');
    const child = spawn(process.execPath, [program, '0'], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const shown = await browser.newPage();
      await shown.goto(line.replace('open ', ''));
      await shown.fill('#text', 'hello there');
      for (const [id, text] of [
        ['answer', /^HELLO THERE$/],
        ['news', /^welcome$/],
        ['clock', /\d:\d\d/],
      ] as const) {
        await shown.locator(`#${id}`, { hasText: text }).waitFor();
      }
      await shown.close();
    } finally {
      child.kill();
      await once(child, 'exit');
    }
  });
});

const TYPED_PAGE_SETTINGS = {
  compilerOptions: {
    target: 'es2023',
    lib: ['es2023', 'dom', 'dom.iterable', 'dom.asynciterable'],
    types: [],
    module: 'esnext',
    moduleResolution: 'bundler',
    customConditions: ['browser'],
    strict: true,
    skipLibCheck: false,
    noEmit: true,
  },
  files: ['page.ts'],
};
const TYPED_PAGE = `
import { connectWebSocket, StreamResetError, type BrowserConnection, type CloseReason } from 'trunkline/websocket';

export const connection: BrowserConnection = await connectWebSocket('/streams', {
  webSocket: WebSocket,
  signal: AbortSignal.timeout(100),
  newStreamHandler: (stream) => stream.readable.pipeTo(stream.writable),
});
const { readable, writable } = await connection.createStream({ one: 'a', many: ['b', 'c'] });
await new Blob(['x']).stream().pipeTo(writable);
for await (const text of readable.pipeThrough(new TextDecoderStream())) console.log(text.length);
export const text: string = await new Response(readable).text();
export const reason: CloseReason = await connection.closed;
export const told = (error: unknown): string => (error instanceof StreamResetError ? error.reason : 'else');
// @ts-expect-error: Node's side of the entry point is not there
export { WebSocketResponseUpgrader } from 'trunkline/websocket';
`;

interface Lost {
  readonly value: string;
  readonly reading: Failure;
  readonly again: Failure;
  readonly closed: { readonly kind: string; readonly initiator: string };
}

interface Idle {
  readonly failed: Failure | undefined;
  readonly closed: { readonly kind: string; readonly initiator: string };
}
