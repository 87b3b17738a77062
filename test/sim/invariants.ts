import assert from 'node:assert/strict';
import type { DrainResult } from '../../src/mesh/node/drain.js';
import type { EventLog } from '../../src/push/index.js';
import type { MeshWorld, Pod, Published } from './world.js';

/** Time after which nothing is felt of a fault that was healed, or of a pod that has come. */
const CALM = 20_000;

/** Numbers of an origin within a range that a log holds. */
export function held(log: EventLog, origin: string, after: number, through: number): number[] {
  const numbers: number[] = [];
  for (const { n } of log.eventsOf(origin, after)) if (n <= through) numbers.push(n);
  return numbers;
}

/** Whether a log holds an event, or has held it. What it only knows to be lost it has never held. */
function hasHad(world: MeshWorld, pod: Pod, origin: string, n: number): boolean {
  if (pod.log.haveOf(origin) < n) return false;
  return !world.losses.some(
    (loss) => loss.pod === pod.name && loss.origin === origin && n > loss.after && n <= loss.through,
  );
}

/** Pods that serve, beside one, when there has been no fault for long. */
function steadyOthers(world: MeshWorld, pod: Pod): Pod[] {
  const now = world.clock.now();
  if (world.network.wholeSince > now - CALM || pod.startedAt > now - CALM) return [];
  return world.pods.filter((other) => other !== pod && other.node.state === 'ready' && other.startedAt <= now - CALM);
}

/** Who is counted has the event at that time; nobody is overlooked who is there. */
export function checkAck(world: MeshWorld, pod: Pod, { origin, n }: Published, acks: number): void {
  if (acks > 0 && held(pod.log, origin, n - 1, n).length === 0) return; // It has left the history meanwhile.
  const having = world.pods.filter((other) => other !== pod && hasHad(world, other, origin, n));
  // Pods that are killed in this moment have had it, too, but are not there to be asked.
  const dead = world.deathsWithin(1_000) + (world.network.silentDeaths ? world.deathsWithin(CALM) : 0);
  // After a long cut a pod may count an event as lost that its publisher still holds, and has passed it so.
  const passed = world.pods.filter(({ log }) => log.haveOf(origin) >= n).length - having.length;
  const all = having.length + dead;
  assert.ok(all >= Math.min(1, acks) && all + passed >= acks, `${origin}:${n}: ${acks} acks, ${having.length} have it`);
  if (acks === 0) {
    const others = steadyOthers(world, pod).map(({ name }) => name);
    assert.deepEqual(others, [], `${pod.name} took itself for alone with ${origin}:${n}`);
  }
}

/** What counts as lost is held by nobody who could be asked. */
export function checkLoss(world: MeshWorld, pod: Pod, origin: string, after: number, through: number): void {
  for (const other of world.pods) {
    const link = pod.node.links.get(other.log.origin);
    if (link === undefined || world.network.wholeSince === Infinity) continue;
    // What it has not told of yet it may have got in this moment; what is its own it has in any case.
    const told = other.log.origin === origin ? through : Math.min(through, link.peerHas.get(origin) ?? 0);
    const numbers = held(other.log, origin, after, told);
    assert.deepEqual(numbers, [], `${pod.name} gave up events of ${origin} that ${other.name} holds`);
  }
}

/** Who has handed over leaves nothing behind that only it held. */
export function checkDrain(world: MeshWorld, pod: Pod, result: DrainResult): void {
  const staying = world.pods.filter((other) => other !== pod && other.node.state !== 'draining');
  if (result === 'handed-over') {
    const events = pod.log.history(['*']);
    for (const { origin, n } of events) {
      const safe = staying.some((other) => hasHad(world, other, origin, n)) || world.deathsWithin(CALM) > 0;
      assert.ok(safe, `${pod.name} left with ${origin}:${n}, which no other has`);
    }
  }
  if (result === 'alone') {
    const others = steadyOthers(world, pod).map(({ name }) => name);
    assert.deepEqual(others, [], `${pod.name} left as if alone`);
  }
}

/** A pod serves only once it has what was there before it came. */
export function checkReady(world: MeshWorld, pod: Pod): void {
  for (const other of world.pods) {
    if (other === pod || other.node.state !== 'ready') continue;
    // What it had when it said hello: what it got since, though published before, may still be on its way to both.
    const had = new Map(pod.node.links.get(other.log.origin)?.peer?.have);
    for (const { origin, n, at } of world.published) {
      if (at >= pod.startedAt || n > (had.get(origin) ?? 0) || held(other.log, origin, n - 1, n).length === 0) continue;
      assert.ok(pod.log.haveOf(origin) >= n, `${pod.name} is ready without ${origin}:${n}, which ${other.name} holds`);
    }
  }
}
