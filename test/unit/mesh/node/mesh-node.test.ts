import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  decodeMessage,
  encodeMessage,
  MAX_HELLO_BYTES,
  MAX_MESSAGE_BYTES,
} from '../../../../src/mesh/protocol/codec.js';
import type { Lane, MeshMessage, Hello } from '../../../../src/mesh/protocol/messages.js';
import { helloOf } from '../../../sim/hand-link.js';
import { handPair, HandWorld, type HandEnd, type HandPod } from '../../../sim/hand-wire.js';

const OWN = 'AAAAAAAA';

interface Stranger {
  readonly near: HandEnd;
  say(lane: Lane, message: MeshMessage): void;
  sent(): MeshMessage[];
}

/** Somebody who has dialled a pod, and may say what it likes. */
function stranger(pod: HandPod, hello?: Partial<Hello>): Stranger {
  const [far, near] = handPair();
  pod.node.accept(near);
  const say = (lane: Lane, message: MeshMessage): void => {
    far.send(lane, encodeMessage(message));
    near.deliver();
  };
  const sent = (): MeshMessage[] =>
    far.inbox.splice(0).flatMap((each) => {
      const message = each === undefined ? undefined : decodeMessage(each.lane, each.bytes);
      return message === undefined ? [] : [message];
    });
  if (hello !== undefined) say('control', helloOf(hello));
  return { near, say, sent };
}

function start(events = 3): { readonly world: HandWorld; readonly pod: HandPod } {
  const world = new HandWorld();
  const pod = world.addPod(OWN, 'a');
  for (let n = 0; n < events; n++) pod.log.publish('a', 'x'.repeat(1_000));
  return { world, pod };
}

describe('MeshNode', () => {
  it('ends with a peer that has events which were never published', () => {
    const { pod } = start();
    const early = stranger(pod, { have: [[OWN, 4]] });
    assert.equal(early.near.over, true);
    const late = stranger(pod, { have: [[OWN, 3]] });
    assert.equal(pod.node.links.size, 1);
    late.say('control', { kind: 'have', have: [[OWN, 9]] });
    assert.equal(late.near.over, true);
    assert.equal(pod.node.links.size, 0);
  });

  it('counts no acknowledgement of what was not sent', () => {
    const { world, pod } = start();
    const peer = stranger(pod, {});
    peer.say('control', { kind: 'ack', n: 1_000_000 });
    pod.log.publish('a', 'later');
    const results: unknown[] = [];
    pod.node.acknowledged(4, 'one', 1_000, (result) => results.push(result));
    world.clock.advance(0);
    assert.deepEqual(results, []);
    peer.say('control', { kind: 'ack', n: 4 });
    assert.deepEqual(results, [1]);
  });

  it('has no link to itself, nor to a pod with another history', () => {
    const { pod } = start();
    assert.equal(stranger(pod, { origin: OWN }).near.over, true);
    assert.equal(stranger(pod, { history: { events: 5, bytes: 5, age: 5 } }).near.over, true);
    assert.equal(pod.node.links.size, 0);
  });

  it('answers one who asks and does not read no more than there is room for', () => {
    const { pod } = start(200);
    const peer = stranger(pod, { have: [[OWN, 200]] });
    peer.sent();
    const { near } = peer;
    const pass = near.send.bind(near);
    let bytes = 0;
    near.send = (lane, message) => {
      bytes += message.length;
      return pass(lane, message) && lane !== 'fetch';
    };
    for (let id = 1; id <= 4_097; id++) peer.say('fetch', { kind: 'fetch', id, origin: OWN, after: 0, through: 200 });
    assert.ok(bytes < 200_000, `${bytes} bytes for the first question, and none for the rest`);
    assert.equal(near.over, false);
    for (let id = 0; id < 3; id++) near.makeRoom('fetch');
    assert.equal(peer.sent().filter(({ kind }) => kind === 'found').length, 4);
    for (let id = 0; id < 10; id++) peer.say('fetch', { kind: 'fetch', id, origin: OWN, after: 0, through: 200 });
    assert.equal(near.over, true, 'nobody asks that much');
  });

  it('copies its history no faster than it is taken, and begins anew when it is asked again', () => {
    const { pod } = start(1_000);
    const peer = stranger(pod, { state: 'joining' });
    peer.sent();
    const { near } = peer;
    const pass = near.send.bind(near);
    near.send = (lane, message) => pass(lane, message) && lane !== 'fetch';
    const parts = (): string[] =>
      peer.sent().flatMap((each) => (each.kind === 'part' ? [`${each.id} ${each.last}`] : []));
    peer.say('fetch', { kind: 'copy', id: 1 });
    assert.deepEqual(parts(), ['1 false']);
    near.makeRoom('fetch');
    assert.deepEqual(parts(), ['1 false']);
    peer.say('fetch', { kind: 'copy', id: 2 });
    const rest: string[] = [];
    for (let i = 0; i < 50 && rest.at(-1) !== '2 true'; i++) {
      near.makeRoom('fetch');
      rest.push(...parts());
    }
    assert.equal(rest.at(-1), '2 true');
    assert.ok(rest.length > 5 && rest.every((each) => each.startsWith('2 ')));
  });

  it('makes no message too long, whatever names and keys are given', () => {
    const { world, pod } = start(0);
    const name = '\u6f22'.repeat(256);
    const other = world.addPod('BBBBBBBB', 'b');
    world.connect(pod, other);
    world.settle();
    for (let i = 0; i < 1_000; i++) pod.log.publish(name, '', { type: name, key: `${i}`.padEnd(256, '\u5b57') });
    world.settle();
    assert.equal(other.log.haveOf(OWN), 1_000);
    const copied = stranger(other, { origin: 'JJJJJJJJ', name: 'j', state: 'joining' });
    copied.sent();
    copied.say('fetch', { kind: 'copy', id: 1 });
    copied.say('fetch', { kind: 'fetch', id: 1, origin: OWN, after: 0, through: 1_000 });
    for (const message of copied.sent()) assert.ok(encodeMessage(message).length <= MAX_MESSAGE_BYTES, message.kind);
    assert.equal(copied.near.over, false);
  });

  it('ends with a peer that sends what no log takes, and takes nothing of it', () => {
    const { pod } = start(0);
    const event = { n: 1, stream: 'a', type: 'gap', data: '', key: undefined, age: 0 };
    const peer = stranger(pod, {});
    peer.say('log', { kind: 'events', events: [event] });
    assert.equal(peer.near.over, true);
    assert.deepEqual(pod.log.history('a'), []);
  });

  it('says a hello that is not too long, however many runs it knows', () => {
    const { pod } = start(0);
    const have = Array.from({ length: 6_000 }, (_, i) => [i.toString(36).padStart(8, '0'), 1e12 + i] as const);
    const like = { stream: 'a', type: 'message', data: '', key: undefined, age: 0 };
    const events = have.slice(0, 100).map(([origin, n]) => ({ ...like, origin, n }));
    pod.log.adopt({ streams: [], events, have, last: true });
    assert.equal(pod.log.have().size, 4_096);
    const source = stranger(pod, { origin: 'SSSSSSSS', name: 's' });
    const [far, near] = handPair();
    pod.node.accept(near);
    const [first] = far.inbox;
    const hello = decodeMessage('control', first?.bytes ?? new Uint8Array());
    assert.ok(hello?.kind === 'hello' && (first?.bytes.length ?? Infinity) <= MAX_HELLO_BYTES);
    const told = new Set(hello.have.map(([origin]) => origin));
    assert.equal(told.size, 102, 'itself, who is linked, and whose events are held');
    assert.ok(told.has('SSSSSSSS') && !source.near.over);
  });

  it('tells what it has while events come on and on', () => {
    const { world, pod } = start(0);
    const source = stranger(pod, { origin: 'SSSSSSSS', name: 's' });
    const other = stranger(pod, { origin: 'OOOOOOOO', name: 'o' });
    other.sent();
    for (let n = 1; n <= 40; n++) {
      source.say('log', {
        kind: 'events',
        events: [{ n, stream: 'a', type: 'message', data: '', key: undefined, age: 0 }],
      });
      world.clock.advance(10);
    }
    const told = other.sent().flatMap((message) => (message.kind === 'have' ? [message.have] : []));
    assert.ok(told.length >= 5 && told.length <= 9, `${told.length} times in 400 ms`);
    assert.deepEqual(
      told.at(-1)?.map(([origin]) => origin),
      ['SSSSSSSS'],
      'and only what has changed',
    );
  });

  it('refuses who says that it is a run that is known under another name, and keeps the link to that', () => {
    const { pod } = start();
    const real = stranger(pod, { origin: 'BBBBBBBB', name: 'b' });
    const impostor = stranger(pod, { origin: 'BBBBBBBB', name: 'c', dial: 1_000_000 });
    assert.deepEqual([real.near.over, impostor.near.over], [false, true]);
    assert.equal(pod.node.links.size, 1);
  });

  it('links both of two pods that have one name, once it is clear that both live', () => {
    const shared: string[] = [];
    const world = new HandWorld();
    const pod = world.addPod(OWN, 'a', { sharedName: (name) => void shared.push(name) });
    const twins = [world.addPod('BBBBBBBB', 'web'), world.addPod('CCCCCCCC', 'web')];
    for (let round = 0; round < 3; round++) {
      for (const twin of twins) if (!pod.node.links.has(twin.log.origin)) world.connect(twin, pod);
      world.settle();
    }
    assert.deepEqual([...pod.node.links.keys()].toSorted(), ['BBBBBBBB', 'CCCCCCCC']);
    assert.deepEqual(shared, ['web']);
    for (const { log } of twins) log.publish('a', 'from a twin');
    world.settle();
    assert.equal(pod.log.history('a').length, 2);
  });

  it('tells of the end of those links only of whose beginning it has told', () => {
    const told: string[] = [];
    const refused: string[] = [];
    const name = (link: { readonly peer: Hello | undefined }): string => link.peer?.name ?? '?';
    const world = new HandWorld();
    const pod = world.addPod(OWN, 'a', {
      linked: (link) => told.push(`+${name(link)}`),
      unlinked: (link) => told.push(`-${name(link)}`),
      refused: (link, error) => refused.push(`${name(link)}: ${error.message}`),
    });
    const silent = stranger(pod);
    silent.near.other?.close();
    silent.near.deliver();
    stranger(pod, { history: { events: 5, bytes: 5, age: 5 } });
    stranger(pod, { version: 2 });
    stranger(pod, { origin: OWN });
    assert.deepEqual(told, []);
    const [history = '', version] = refused;
    assert.match(history, /^b: the pods keep different histories: .+ here, 5 events, 5 bytes and 5 ms there$/);
    assert.deepEqual([refused.length, version], [2, '?: the peer speaks version 2, this pod 1']);
    stranger(pod, { origin: 'BBBBBBBB', name: 'b' });
    const later = stranger(pod, { origin: 'BBBBBBBB', name: 'b', dial: 1 });
    assert.deepEqual(told, ['+b', '-b', '+b'], 'the later one replaces the first');
    later.near.other?.close();
    while (later.near.inbox.length > 0) later.near.deliver();
    assert.equal(told.at(-1), '-b');
    assert.equal(told.length, 4);
  });

  it('leaves no timer behind, whenever it ends', () => {
    const { world, pod } = start();
    stranger(pod);
    stranger(pod, {});
    pod.node.acknowledged(1, 'one', 1_000, () => {});
    pod.node.drain(1_000, () => {});
    pod.node.close();
    pod.node.close();
    pod.node.setPeers([{ host: 'h', port: 1, name: undefined }]);
    pod.log.close();
    const [, near] = handPair();
    pod.node.accept(near);
    assert.equal(near.over, true);
    world.clock.advance(0);
    assert.equal(world.clock.pending, 0);
  });
});
