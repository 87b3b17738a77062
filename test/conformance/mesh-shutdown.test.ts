import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Mesh } from '../../src/mesh/mesh.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from '../support/listed-peers.js';
import { Pods, TIMES, until } from '../support/mesh-pods.js';

/** Turns of the event loop in which something is ended: from before it has begun to after it is over. */
const TURNS = [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 60, 90, 130];

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a promise comes to, as a word. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  return await promise.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code ?? String(error),
  );
}

/** Everything that keeps a process alive, but what the test itself holds. */
function alive(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|Timeout|TLS|Server/.test(name)).length;
}

describe('F20: a mesh that is closed in the middle of', () => {
  const NEVER = /^(?:done|ERR_POD_NOT_READY|ERR_CONNECTION_LOST|ERR_ABORTED|AbortError.*)$/;

  it('its start: alone, or while it is linked and copies', { timeout: 60_000 }, async () => {
    await using pods = new Pods();
    const first = await pods.add();
    for (let i = 0; i < 100; i++) first.log.publish('news', 'x'.repeat(1_000));
    for (const count of TURNS) {
      const finder = new ListedPeers();
      const log = new EventLog();
      const mesh = new Mesh(log, { finder, host: '127.0.0.1', port: 0, name: `n${count}`, times: TIMES });
      finder.set(first.port);
      const started = outcome(mesh.start());
      await turns(count);
      const closed = mesh.close();
      assert.equal(mesh.close(), closed, 'it ends once');
      await closed;
      assert.match(await started, NEVER);
      assert.deepEqual([mesh.links, mesh.stats().publishing], [[], 0]);
      log.close();
    }
    await until(() => first.links.length === 0);
  });

  it('its start by a signal', { timeout: 60_000 }, async () => {
    await using pods = new Pods();
    const first = await pods.add();
    for (const count of TURNS) {
      const finder = new ListedPeers();
      const log = new EventLog();
      const mesh = new Mesh(log, { finder, host: '127.0.0.1', port: 0, name: `n${count}`, times: TIMES });
      finder.set(first.port);
      const controller = new AbortController();
      const started = outcome(mesh.start({ signal: controller.signal }));
      await turns(count);
      controller.abort(Object.assign(new Error('enough'), { code: 'ERR_ABORTED' }));
      const how = await started;
      assert.match(how, /^(?:done|ERR_ABORTED)$/);
      await mesh.close();
      log.close();
    }
    await until(() => first.links.length === 0);
  });

  it('waiting for a finder that tells of nobody and passes its signal over', { timeout: 60_000 }, async () => {
    const finder = {
      async *peers() {
        await new Promise<never>(() => {});
        yield [];
      },
    };
    const mesh = new Mesh(new EventLog(), { finder, host: '127.0.0.1', port: 0, times: TIMES });
    const started = outcome(mesh.start());
    await turns(5);
    await mesh.close();
    assert.equal(await started, 'ERR_POD_NOT_READY');
  });

  it('publishing: each promise settles, with the event kept or not', { timeout: 60_000 }, async () => {
    for (const count of TURNS) {
      await using pods = new Pods();
      const [a, b] = [await pods.add(), await pods.add()];
      await until(() => a.links.length === 1 && b.links.length === 1);
      const published = Promise.all(
        Array.from(
          { length: 20 },
          async (_, i) => await outcome(a.publish('news', i, { ack: i % 2 === 0 ? 'one' : 'all' })),
        ),
      );
      await turns(count);
      await a.close();
      for (const how of await published) assert.match(how, NEVER);
      assert.match(await outcome(a.publish('news', 'late')), /ERR_POD_NOT_READY/);
    }
  });

  it('asking who follows', { timeout: 60_000 }, async () => {
    for (const count of TURNS.slice(0, 8)) {
      await using pods = new Pods();
      const [a, b] = [await pods.add(), await pods.add()];
      await until(() => a.links.length === 1 && b.links.length === 1);
      const asked = outcome(a.presence());
      await turns(count);
      await a.close();
      assert.match(await asked, NEVER);
    }
  });

  it('draining, and a second time', { timeout: 60_000 }, async () => {
    for (const count of TURNS) {
      await using pods = new Pods();
      const [a, b] = [await pods.add(), await pods.add()];
      await until(() => a.links.length === 1 && b.links.length === 1);
      for (let i = 0; i < 50; i++) a.log.publish('news', 'x'.repeat(1_000));
      const drained = [outcome(a.drain()), outcome(a.drain({ signal: AbortSignal.timeout(60_000) }))];
      await turns(count);
      await a.close();
      for (const how of await Promise.all(drained)) assert.match(how, NEVER);
      assert.equal(await outcome(a.drain()), 'ERR_POD_NOT_READY');
      await until(() => b.links.length === 0);
    }
  });

  it('leaves nothing alive', { timeout: 60_000 }, async () => {
    const before = alive();
    for (const count of TURNS.slice(0, 10)) {
      await using pods = new Pods();
      const starting = [pods.begin(), pods.begin(), pods.begin()];
      await turns(count);
      await Promise.all(starting);
      await Promise.all(pods.meshes.map(async (mesh) => await mesh.close()));
    }
    await until(() => alive() <= before);
  });
});
