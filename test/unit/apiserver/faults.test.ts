import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { APIFaults, VirtualClock } from '../../../src/testing/index.js';
import { FakeRuntime, send, testPod, withServer } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';

/** A watch that a test reads: everything that came, and how it ended. */
class Watch {
  text = '';
  readonly ended: Promise<'in order' | 'broken'>;
  readonly #response: IncomingMessage;

  constructor(response: IncomingMessage) {
    this.#response = response;
    response.on('data', (chunk: Buffer) => (this.text += chunk.toString()));
    response.on('error', () => {});
    this.ended = new Promise((resolve) => {
      response.once('close', () => resolve(response.complete ? 'in order' : 'broken'));
    });
  }

  static async open(url: string, query = ''): Promise<Watch> {
    const req = request(`${url}${PODS}?watch=true&${query}`, { agent: false });
    req.end();
    const [response] = (await once(req, 'response')) as [IncomingMessage];
    return new Watch(response);
  }

  get lines(): readonly string[] {
    return this.text.split('\n');
  }

  /** Resolves once so many whole lines are there. */
  async until(lines: number): Promise<void> {
    while (this.lines.length <= lines) await once(this.#response, 'data');
  }
}

async function withFaults(
  test: (url: string, faults: APIFaults, runtime: FakeRuntime) => Promise<void>,
): Promise<void> {
  const faults = new APIFaults();
  await withServer({ faults, closeTimeout: 0 }, ({ url }, runtime) => test(url, faults, runtime));
}

describe('faults of open watches', () => {
  it('kill: the answer breaks off', async () => {
    await withFaults(async (url, faults) => {
      const watch = await Watch.open(url);
      await watch.until(2);
      assert.equal(faults.watching(), 1);
      assert.equal(faults.kill({ resource: 'namespaces' }), 0);
      assert.equal(faults.kill({ resource: 'pods' }), 1);
      assert.equal(await watch.ended, 'broken');
      assert.equal(faults.watching(), 0);
    });
  });

  it('end: the answer ends in order', async () => {
    await withFaults(async (url, faults) => {
      const watch = await Watch.open(url);
      faults.end();
      assert.equal(await watch.ended, 'in order');
    });
  });

  it('stall: nothing comes, not even the end, until it is resumed', async () => {
    const clock = new VirtualClock();
    const faults = new APIFaults();
    await withServer({ faults, clock }, async ({ url }, runtime) => {
      const watches = [await Watch.open(url), await Watch.open(url, 'timeoutSeconds=10')];
      for (const watch of watches) await watch.until(2);
      assert.equal(faults.stall(), 2);
      runtime.pods.put(testPod('c'));
      clock.advance(11_000);
      await new Promise(setImmediate);
      assert.deepEqual(
        watches.map(({ lines }) => lines.length),
        [3, 3],
      );
      faults.resume();
      await watches[0]?.until(3);
      assert.equal(await watches[1]?.ended, 'in order');
    });
  });

  it('stall: the history overtakes it, and it stays', async () => {
    const faults = new APIFaults();
    await withServer(
      { faults },
      async ({ url }, runtime) => {
        const watch = await Watch.open(url);
        await watch.until(2);
        faults.stall();
        for (let count = 0; count < 10; count++) runtime.pods.put(testPod('c'));
        assert.equal(faults.watching(), 1);
        faults.resume();
        await watch.until(3);
        assert.match(watch.lines[2] ?? '', /"code":410/);
        assert.equal(await watch.ended, 'in order');
      },
      new FakeRuntime(4),
    );
  });

  it('gone: an ERROR event with 410, then the end', async () => {
    await withFaults(async (url, faults) => {
      const watch = await Watch.open(url);
      faults.gone();
      assert.equal(await watch.ended, 'in order');
      assert.match(watch.lines.at(-2) ?? '', /^\{"type":"ERROR",.*"reason":"Expired","code":410\}\}$/);
    });
  });

  it('truncate: half a line, then a break or an end', async () => {
    await withFaults(async (url, faults) => {
      for (const how of ['reset', 'end'] as const) {
        const watch = await Watch.open(url);
        await watch.until(2);
        faults.truncate({}, how);
        assert.equal(await watch.ended, how === 'end' ? 'in order' : 'broken');
        assert.throws(() => JSON.parse(watch.lines.at(-1) ?? ''));
        assert.ok((watch.lines.at(-1) ?? '').length > 10);
      }
    });
  });

  it('are for watches only', () => {
    assert.throws(() => new APIFaults().kill({ verb: 'list' }), { code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('faults by script', () => {
  it('befall one request each, after so many events', async () => {
    await withFaults(async (url, faults, runtime) => {
      faults.script(
        { verb: 'watch' },
        { kind: 'kill', afterEvents: 1 },
        { kind: 'none' },
        { kind: 'gone', form: 'status' },
        { kind: 'truncate', afterEvents: 2, how: 'end' },
        { kind: 'gone', afterEvents: 2 },
      );
      const killed = await Watch.open(url);
      assert.equal(await killed.ended, 'broken');
      const passed = await Watch.open(url);
      await passed.until(2);
      const gone = await send(`${url}${PODS}?watch=true`);
      assert.deepEqual([gone.code, (JSON.parse(gone.text) as { reason: string }).reason], [410, 'Expired']);
      const cut = await Watch.open(url);
      await cut.until(2);
      runtime.pods.put(testPod('c'));
      assert.equal(await cut.ended, 'in order');
      assert.equal(cut.lines.length, 3);
      assert.match(cut.lines[2] ?? '', /^\{"type":"ADDED"/);
      const told = await Watch.open(url);
      assert.equal(await told.ended, 'in order');
      assert.match(told.lines[2] ?? '', /^\{"type":"ERROR"/);
      await passed.until(3);
    });
  });

  it('answer with errors, or not at all', async () => {
    await withFaults(async (url, faults) => {
      faults.script(
        { verb: 'list' },
        { kind: 'unavailable' },
        { kind: 'unavailable', code: 429, retryAfterSeconds: 5 },
      );
      assert.equal((await send(url + PODS)).code, 503);
      const busy = await send(url + PODS);
      assert.deepEqual([busy.code, busy.headers['retry-after']], [429, '5']);
      faults.always({ resource: 'pods', verb: 'get' }, { kind: 'unavailable', code: 500 });
      assert.equal((await send(`${url}${PODS}/a`)).code, 500);
      assert.equal((await send(url + PODS)).code, 200);
      faults.clear();
      assert.equal((await send(`${url}${PODS}/a`)).code, 200);
      faults.script({ verb: 'list' }, { kind: 'kill' }, { kind: 'truncate' }, { kind: 'end' }, { kind: 'gone' });
      await assert.rejects(send(url + PODS), { code: 'ECONNRESET' });
      await assert.rejects(send(url + PODS), { code: 'ECONNRESET' });
      const { text } = await send(url + PODS);
      assert.throws(() => JSON.parse(text), SyntaxError);
      assert.equal((await send(url + PODS)).code, 410);
    });
  });

  it('tell of requests when they come', async () => {
    await withFaults(async (url, faults) => {
      const seen = faults.nextRequest({ resource: 'pods', verb: 'watch' });
      assert.equal((await send(url + PODS)).code, 200);
      const opened = Watch.open(url, 'resourceVersion=3');
      const { query, verb } = await seen;
      assert.deepEqual([query.get('resourceVersion'), verb, faults.watching()], ['3', 'watch', 1]);
      await opened;
    });
  });

  it('can make the server seem not to be there', async () => {
    await withFaults(async (url, faults) => {
      const watch = await Watch.open(url);
      faults.refuse();
      assert.equal(await watch.ended, 'broken');
      await assert.rejects(send(url + PODS), { code: 'ECONNRESET' });
      faults.clear();
      assert.equal((await send(url + PODS)).code, 200);
    });
  });
});
