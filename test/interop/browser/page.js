// What runs in Chromium: scenarios of test/interop/browser.test.ts, over the package's browser build.
import { connectWebSocket, ConnectionLostError, StreamResetError } from 'trunkline/websocket';

const connect = (options = {}, path = '/streams') => connectWebSocket(path, { pingPeriod: 0, ...options });

/** Pseudo-random bytes (xorshift32), the same in every run. */
function noise(length, seed) {
  const words = new Uint32Array(Math.ceil(length / 4));
  let x = (seed + 1) * 2654435761;
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  return new Uint8Array(words.buffer, 0, length);
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function readAll(readable) {
  const chunks = [];
  for await (const chunk of readable) chunks.push(chunk);
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

async function writeAll(writable, bytes, seed = 0) {
  const writer = writable.getWriter();
  for (let at = 0, turn = seed; at < bytes.length; turn++) {
    const size = 1 + ((turn * 7919) % 100_000);
    await writer.ready;
    // Not awaited: the last write's error is that of close().
    writer.write(bytes.subarray(at, at + size)).catch(() => {});
    at += size;
  }
  await writer.close();
}

const text = async (readable) => new TextDecoder().decode(await readAll(readable));
const bytesOf = (value) => new TextEncoder().encode(value);
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** What a promise rejected with, as plain data. */
async function failure(promise) {
  try {
    await promise;
    return undefined;
  } catch (error) {
    const kind = [ConnectionLostError, StreamResetError].find((type) => error instanceof type)?.name;
    return { name: error.name, kind, code: error.code, reason: error.reason, message: error.message };
  }
}

const plain = ({ kind, initiator }) => ({ kind, initiator });

/** Streams that stay open between two scenarios. */
const kept = new Map();

const scenarios = {
  /** `count` streams at once, `total` bytes in all, both ways; the digests of what went and what came back. */
  async echo({ count, total }) {
    const connection = await connect();
    const started = performance.now();
    const results = await Promise.all(
      Array.from({ length: count }, async (_, index) => {
        const length = Math.floor(total / count) + (index < total % count ? 1 : 0);
        const sent = noise(length, index);
        const stream = await connection.createStream({ kind: 'echo', index: String(index) });
        const [received] = await Promise.all([readAll(stream.readable), writeAll(stream.writable, sent, index)]);
        return { bytes: received.length, sent: await sha256(sent), received: await sha256(received) };
      }),
    );
    const milliseconds = performance.now() - started;
    const left = connection.streams.size;
    await connection.close();
    return { results, milliseconds, left };
  },

  /** Opens streams that the server floods, and reads none of them. */
  async flood({ count }) {
    const connection = await connect();
    const streams = await Promise.all(Array.from({ length: count }, () => connection.createStream({ kind: 'flood' })));
    kept.set('flood', { connection, streams });
  },

  /** Reads a part of the first of them, to see that it goes on; another stream is not held up. */
  async readSome({ bytes }) {
    const { connection, streams } = kept.get('flood');
    const reader = streams[0].readable.getReader();
    let read = 0;
    while (read < bytes) read += (await reader.read()).value.length;
    const other = await connection.createStream({ kind: 'echo' });
    await writeAll(other.writable, bytesOf('still here'));
    return { read, other: await text(other.readable) };
  },

  async endFlood() {
    const { connection, streams } = kept.get('flood');
    kept.delete('flood');
    for (const stream of streams.slice(1)) await stream.readable.cancel();
    const open = connection.streams.size;
    await connection.close();
    return { open };
  },

  /** Writes to a stream that nobody reads, until a write does not finish in `patience`. */
  async unread({ patience }) {
    const connection = await connect();
    const stream = await connection.createStream({ kind: 'unread' });
    const writer = stream.writable.getWriter();
    const piece = new Uint8Array(64 * 1024);
    let done = 0;
    for (;;) {
      const written = writer.write(piece).then(() => true);
      written.catch(() => {});
      if (!(await Promise.race([written, pause(patience)]))) break;
      done += piece.length;
    }
    stream.reset();
    await connection.close();
    return { done };
  },

  async halfClose() {
    const connection = await connect();
    // The page ends first, and then reads; the server answers only after our end.
    const first = await connection.createStream({ kind: 'count' });
    await writeAll(first.writable, new Uint8Array(100_000));
    const counted = await text(first.readable);
    // The server ends first; the page writes on.
    const second = await connection.createStream({ kind: 'greet-then-listen' });
    const greeting = await text(second.readable);
    await writeAll(second.writable, new Uint8Array(200_000));
    await connection.close();
    return { counted, greeting };
  },

  /** The page resets streams in each of the ways there are. */
  async resetByPage() {
    const connection = await connect();
    const open = (how) => connection.createStream({ kind: 'watch', how });
    const reset = await open('reset');
    const reader = reset.readable.getReader();
    await reader.read();
    const pending = failure(reader.read());
    reset.reset('internal-error');
    await (await open('cancel')).readable.cancel('enough');
    await (await open('abort')).writable.abort('enough');
    const iterated = await open('break');
    for await (const chunk of iterated.readable) if (chunk.length > 0) break;
    const result = { read: await pending, left: connection.streams.size };
    await connection.ping();
    await connection.close();
    return result;
  },

  /** The server resets after some bytes, which are read only later. */
  async resetByServer() {
    const connection = await connect();
    const stream = await connection.createStream({ kind: 'reset-after-hello' });
    const writing = await failure(stream.writable.getWriter().closed);
    const reader = stream.readable.getReader();
    const { value } = await reader.read();
    const reading = await failure(reader.read());
    await connection.close();
    return { value: new TextDecoder().decode(value), reading, writing };
  },

  async refused() {
    const connection = await connect();
    const created = await failure(connection.createStream({ kind: 'refuse' }));
    const opened = connection.openStream({ kind: 'refuse' });
    const accepted = await failure(opened.accepted);
    const read = await failure(opened.readable.getReader().read());
    await connection.close();
    return { created, accepted, read };
  },

  /** The server opens streams to the page, which serves them. */
  async incoming() {
    const seen = [];
    const newStreamHandler = (stream, replySent) => {
      seen.push(stream.headers.get('kind'));
      if (stream.headers.get('kind') === 'unwanted') throw new Error('not served here');
      if (stream.headers.get('kind') === 'rejected') return stream.refuse('refused', 'the page is full');
      if (stream.headers.get('kind') === 'later') {
        stream.deferReply();
        setTimeout(() => stream.accept(), 20);
      }
      return replySent.then(() => stream.readable.pipeTo(stream.writable));
    };
    const connection = await connect({ newStreamHandler });
    const stream = await connection.createStream({ kind: 'call-back' });
    const report = JSON.parse(await text(stream.readable));
    await connection.close();
    return { seen, report };
  },

  /** The connection goes away while a stream is unfinished. */
  async lost({ kind }) {
    const connection = await connect();
    const stream = await connection.createStream({ kind });
    const reader = stream.readable.getReader();
    const { value } = await reader.read();
    const reading = await failure(reader.read());
    const closed = plain(await connection.closed);
    const again = await failure(connection.createStream({}));
    return { value: new TextDecoder().decode(value), reading, closed, again };
  },

  async aborted() {
    const early = await failure(connect({ signal: AbortSignal.abort() }));
    const controller = new AbortController();
    const hanging = failure(connect({ signal: controller.signal }, '/never'));
    setTimeout(() => controller.abort(), 50);
    const during = await hanging;
    const connection = await connect();
    const creating = new AbortController();
    const creation = failure(connection.createStream({ kind: 'never' }, { signal: creating.signal }));
    setTimeout(() => creating.abort(new DOMException('changed my mind', 'AbortError')), 50);
    const create = await creation;
    const left = connection.streams.size;
    await connection.close();
    return { early, during, create, left };
  },

  async failsToConnect() {
    return {
      refused: await failure(connect({}, '/refused')),
      wrong: await failure(connect({ protocols: ['yamux', 'other.v1'] }, '/other')),
    };
  },

  /** Keeps a connection idle for a while, and then uses it. */
  async idle({ path, milliseconds, pingPeriod, pingTimeout = 1000 }) {
    const connection = await connect({ pingPeriod, pingTimeout }, path);
    await Promise.race([pause(milliseconds), connection.closed]);
    const use = async () => {
      const stream = await connection.createStream({ kind: 'echo' });
      await writeAll(stream.writable, bytesOf('awake'));
      return await text(stream.readable);
    };
    const failed = await failure(use().then((answer) => assertSame(answer, 'awake')));
    await connection.close();
    return { failed, closed: plain(await connection.closed) };
  },

  async plainYamux() {
    const connection = await connect({ protocols: ['yamux'] });
    const stream = await connection.createStream();
    await writeAll(stream.writable, bytesOf('no headers'));
    const headers = await failure(connection.createStream({ kind: 'echo' }));
    const answer = await text(stream.readable);
    const { protocol } = connection;
    await connection.close();
    return { answer, headers, protocol };
  },

  /** Opens a connection that is looked at later. */
  async keep(options) {
    const connection = await connect(options);
    const state = { connection, closed: undefined };
    connection.closed.then((reason) => (state.closed = plain(reason)));
    kept.set('kept', state);
  },

  /** Nothing else runs in the page for a while. */
  async block({ milliseconds }) {
    const end = performance.now() + milliseconds;
    while (performance.now() < end);
  },

  async look() {
    const { connection, closed } = kept.get('kept');
    const roundTrip = await connection.ping().catch(({ message }) => message);
    return { closed, roundTrip: typeof roundTrip };
  },

  /** What the page's policy reported; at the end comes an attempt of our own, which shows that there is a policy. */
  async violations() {
    // Out of the evaluation that called this, where the policy does not hold.
    await pause(0);
    const attempt = await failure(Promise.resolve().then(() => Reflect.construct(Function, ['return 1'])));
    await pause(0);
    return { violations, attempt: attempt?.name };
  },

  /** The same bundle in a dedicated worker. */
  async worker() {
    const worker = new Worker('/page.js', { type: 'module' });
    return await new Promise((resolve, reject) => {
      worker.addEventListener('message', ({ data }) => resolve(data));
      worker.addEventListener('error', ({ message }) => reject(new Error(message)));
      worker.postMessage(['echo', { count: 3, total: 100_000 }], []);
    });
  },
};

function assertSame(actual, expected) {
  if (actual !== expected) throw new Error(`${actual}, not ${expected}`);
}

const violations = [];
globalThis.addEventListener('securitypolicyviolation', ({ blockedURI }) => violations.push(blockedURI));
Object.assign(globalThis, { scenarios });
if (globalThis.document === undefined) {
  addEventListener('message', async ({ data: [name, options] }) => postMessage(await scenarios[name](options)));
}
