import { seededRandom } from '../../src/testing/random.js';
import { MeshWorld } from './world.js';

const STREAMS = ['a', 'b', 'b/1', 'c'];
const TARGETS = [['a'], ['b'], ['b*'], ['a', 'c'], ['*']];

/** What may befall a mesh in a walk; each can be left out. */
export interface WalkShape {
  readonly pods: number;
  readonly steps: number;
  /** Pods die, and others come in their place. */
  readonly kills?: boolean;
  /** Pods die, and come back under their names. */
  readonly restarts?: boolean;
  readonly drains?: boolean;
  /** Ways between pods are cut, in both directions or one. */
  readonly cuts?: boolean;
  readonly slow?: boolean;
  /** Messages arrive mutilated. */
  readonly corruption?: boolean;
  /** Peers vanish from discovery and come back, or discovery stops. */
  readonly flaps?: boolean;
  readonly bursts?: boolean;
  /** Longest time in milliseconds until a pod learns of another's coming or going. */
  readonly discovery?: number;
  /** Connections to pods that die fall silent instead of being reset. */
  readonly silent?: boolean;
  /** Events that a stream keeps. */
  readonly history?: number;
  /** Milliseconds that events are kept. */
  readonly age?: number;
  /** Pods have clocks of their own. */
  readonly skew?: boolean;
  /** Pods of the version before and after are among them. */
  readonly versions?: boolean;
  /** Frames are cut anywhere, and joined. */
  readonly slicing?: boolean;
  /** Nearly all pods die and come back under their names, several times in a row. */
  readonly storms?: boolean;
  /** All pods drain at once; others come in their place, at once or later. */
  readonly exodus?: boolean;
  /** Pods come while others are cut off. */
  readonly joins?: boolean;
  /** Every client moves at every step. */
  readonly restless?: boolean;
  /** Events are published again under their keys, on any pod. */
  readonly keys?: boolean;
  /** Pods take turns in publishing, and are quiet for longer than events are kept; one is cut off for as long. */
  readonly turns?: boolean;
}

/** A walk through a mesh's life: publishing, clients that come and go, and faults, all drawn from one seed. */
export function walk(seed: number, shape: WalkShape, prepare: (world: MeshWorld) => void = () => {}): MeshWorld {
  const { discovery = 0 } = shape;
  const world = new MeshWorld(seed, {
    history: { events: shape.history ?? 1_000, ...(shape.age === undefined ? {} : { age: shape.age }) },
    discovery,
    skew: shape.skew === true,
    versions: shape.versions === true,
    hidesLeaving: true,
  });
  if (shape.slicing === true) world.network.slicing = { random: seededRandom(seed), joins: true };
  world.network.silentDeaths = shape.silent === true;
  prepare(world);
  for (let i = 0; i < shape.pods; i++) world.addPod();
  world.pass(4_000);
  for (const targets of TARGETS) world.addClient(targets);
  world.reconnect();
  let quietUntil = 0;
  for (let step = 0; step < shape.steps; step++) {
    const dice = world.random();
    if (shape.restless === true) moveOne(world);
    if (world.pods.length === 0) world.pass(500, 50);
    else if (shape.keys === true && dice < 0.1) again(world);
    else if (shape.turns === true && dice < 0.8) takeTurns(world, shape.age ?? 10_000);
    else if (dice < 0.6)
      world.publish(world.pick(world.pods), world.pick(STREAMS), world.random() < 0.1 ? 'all' : 'one');
    else if (dice < 0.85) world.pass(Math.floor(world.random() * 60), 20);
    else if (dice < 0.88) world.pass(Math.floor(world.random() * 4_000), 100);
    else if (dice < 0.91) moveOne(world);
    else if (world.clock.now() >= quietUntil) {
      quietUntil = world.clock.now() + befall(world, shape) * world.random();
    }
  }
  world.settle();
  return world;
}

/** Each stream has one pod that publishes, and then another, while time passes. */
function takeTurns(world: MeshWorld, age: number): void {
  const stream = Math.floor(world.random() * STREAMS.length);
  const turn = Math.floor(world.clock.now() / (1.5 * age)) + stream;
  const pod = world.pods[turn % world.pods.length];
  if (pod !== undefined) world.publish(pod, STREAMS[stream] ?? 'a');
  world.pass(Math.floor((world.random() * age) / 20), 100);
}

/** One pod is cut off for longer than events are kept, and longer than cursors name who is quiet. */
function isolate(world: MeshWorld, age: number): number {
  const pod = world.pick(world.pods);
  for (const other of world.pods) {
    if (other === pod) continue;
    world.network.cut(pod.name, other.name);
    world.network.cut(other.name, pod.name);
  }
  const lasts = age * (2 + 2 * world.random());
  world.clock.setTimeout(() => world.network.heal(), lasts);
  // Its clients go elsewhere when the others have just heard of it, or have not yet.
  world.clock.setTimeout(
    () => {
      for (const client of world.clients) if (client.log === pod.log) client.leave();
      world.reconnect();
    },
    lasts + 4_000 * world.random(),
  );
  return 2 * lasts;
}

/** What was published before is published again under its key, on any pod. */
function again(world: MeshWorld): void {
  const pod = world.pick(world.pods);
  if (pod.node.state !== 'ready') return;
  const key = `key-${Math.floor(world.random() * 20)}`;
  const options = { key };
  const { origin, n } = pod.log.publish('a', 'again', options);
  pod.node.acknowledged(n, 'one', 10_000, () => {}, origin);
}

function moveOne(world: MeshWorld): void {
  world.pick(world.clients).leave();
  world.reconnect();
}

type Fault = (world: MeshWorld) => number;

/** One fault. @returns how long to leave the mesh alone then. */
function befall(world: MeshWorld, shape: WalkShape): number {
  const faults: Fault[] = [];
  const ready = world.pods.filter(({ node }) => node.state === 'ready').length;
  if (shape.kills === true && ready > 2) faults.push(kill);
  if (shape.restarts === true && ready > 2) faults.push(restart);
  if (shape.drains === true && ready > 2) faults.push(drain);
  if (shape.cuts === true) faults.push(cut);
  if (shape.slow === true) faults.push(slow);
  if (shape.corruption === true) faults.push(corrupt);
  if (shape.flaps === true) faults.push(flap, blind);
  if (shape.bursts === true) faults.push(burst);
  if (shape.storms === true) faults.push(storm);
  if (shape.exodus === true) faults.push(exodus);
  if (shape.joins === true) faults.push(join);
  if (shape.turns === true) faults.push((each) => isolate(each, shape.age ?? 10_000));
  if (world.pods.length === 0) return 1_000;
  return faults.length === 0 ? 1_000 : world.pick(faults)(world);
}

function kill(world: MeshWorld): number {
  world.kill(world.pick(world.pods));
  world.clock.setTimeout(() => void world.addPod(), Math.floor(world.random() * 2_000));
  return 8_000;
}

function restart(world: MeshWorld): number {
  const pod = world.pick(world.pods);
  world.kill(pod);
  world.clock.setTimeout(() => void world.addPod(pod.name), Math.floor(world.random() * 2_000));
  return 8_000;
}

function drain(world: MeshWorld): number {
  const pod = world.pick(world.pods.filter(({ node }) => node.state === 'ready'));
  world.addPod();
  world.drain(pod);
  return 4_000;
}

function cut(world: MeshWorld): number {
  const pod = world.pick(world.pods);
  const oneWay = world.random() < 0.3;
  for (const other of world.pods) {
    if (other === pod || world.random() < 0.4) continue;
    world.network.cut(pod.name, other.name);
    if (!oneWay) world.network.cut(other.name, pod.name);
  }
  world.clock.setTimeout(() => world.network.heal(), Math.floor(world.random() * 40_000));
  return 5_000;
}

function slow(world: MeshWorld): number {
  const pod = world.pick(world.pods);
  for (const other of world.pods) world.network.slow(pod.name, other.name, 1);
  world.clock.setTimeout(() => world.network.heal(), Math.floor(world.random() * 20_000));
  return 5_000;
}

function corrupt(world: MeshWorld): number {
  world.network.corruptNext(world.pick(world.pods).name, world.pick(world.pods).name);
  return 500;
}

function flap(world: MeshWorld): number {
  const pod = world.pick(world.pods);
  for (let i = 0; i < 100; i++) {
    pod.node.setPeers([]);
    world.tellPeersOf(pod);
  }
  return 1_000;
}

function blind(world: MeshWorld): number {
  world.blind = true;
  world.clock.setTimeout(() => {
    world.blind = false;
    world.tellPeers();
  }, 10_000);
  return 12_000;
}

function burst(world: MeshWorld): number {
  const pod = world.pick(world.pods);
  for (let i = 0; i < 200; i++) world.publish(pod, world.pick(STREAMS));
  return 1_000;
}

/** A Deployment that crashes again and again. */
function storm(world: MeshWorld): number {
  for (let round = 0; round < 3; round++) {
    world.clock.setTimeout(() => {
      for (const pod of world.pods.slice(Math.floor(world.random() * 2))) {
        world.kill(pod);
        world.clock.setTimeout(() => void world.addPod(pod.name), Math.floor(world.random() * 3_000));
      }
    }, round * 3_500);
  }
  return 20_000;
}

/** The whole Deployment is deleted, or each of its pods; others come, or it is started again later. */
function exodus(world: MeshWorld): number {
  const { pods } = world;
  const count = pods.length;
  const delay = world.random() < 0.5 ? 1_000 : 30_000;
  for (const pod of pods.slice()) if (pod.node.state === 'ready') world.drain(pod);
  for (let i = 0; i < count; i++) {
    world.clock.setTimeout(() => void world.addPod(), delay + Math.floor(world.random() * 2_000));
  }
  return 25_000;
}

/** A pod comes, whatever is cut; one goes, so that there are never more and more. */
function join(world: MeshWorld): number {
  world.addPod();
  const ready = world.pods.filter(({ node }) => node.state === 'ready');
  if (ready.length > 4) world.drain(world.pick(ready));
  return 3_000;
}
