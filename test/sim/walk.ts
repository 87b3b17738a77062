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
}

/** A walk through a mesh's life: publishing, clients that come and go, and faults, all drawn from one seed. */
export function walk(seed: number, shape: WalkShape): MeshWorld {
  const { discovery = 0 } = shape;
  const world = new MeshWorld(seed, { history: { events: shape.history ?? 1_000 }, discovery });
  world.network.silentDeaths = shape.silent === true;
  for (let i = 0; i < shape.pods; i++) world.addPod();
  world.pass(4_000);
  for (const targets of TARGETS) world.addClient(targets);
  world.reconnect();
  let quietUntil = 0;
  for (let step = 0; step < shape.steps; step++) {
    const dice = world.random();
    if (dice < 0.6) world.publish(world.pick(world.pods), world.pick(STREAMS), world.random() < 0.1 ? 'all' : 'one');
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
