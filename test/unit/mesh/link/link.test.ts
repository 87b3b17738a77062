import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { MAX_HELLO_BYTES, MAX_MESSAGE_BYTES } from '../../../../src/mesh/protocol/codec.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';
import { handLink, helloOf } from '../../../sim/hand-link.js';

const kinds = (messages: readonly { readonly kind: string }[]): string[] => messages.map(({ kind }) => kind);

/** Time passes, but no timer fires, as for a process that was stopped. */
class StallingClock extends VirtualClock {
  #stalled = 0;

  stall(milliseconds: number): void {
    this.#stalled += milliseconds;
  }

  override now(): number {
    return super.now() + this.#stalled;
  }
}

describe('Link', () => {
  it('says hello, and is established once the other side has', () => {
    const { link, host, say, sent } = handLink(new VirtualClock());
    assert.deepEqual(kinds(sent()), ['hello']);
    assert.equal(link.established, false);
    link.ack(1);
    link.tellHave([]);
    link.tellState('ready');
    assert.deepEqual(sent(), [], 'nothing is said to who was not identified');
    say('control', helloOf({ have: [['CCCCCCCC', 4]], state: 'draining' }));
    assert.deepEqual(host.told, ['greeted']);
    assert.deepEqual([link.established, link.origin, link.peerState], [true, 'BBBBBBBB', 'draining']);
    assert.equal(link.peerHas.get('CCCCCCCC'), 4);
  });

  it('ends with a peer that says anything before its hello, or says it twice, too long or in another version', () => {
    const clock = new VirtualClock();
    const first = handLink(clock);
    first.say('control', { kind: 'ping', id: 1 });
    const lane = handLink(clock);
    lane.say('log', { kind: 'skip', n: 1 });
    const twice = handLink(clock, {});
    twice.say('control', helloOf());
    const long = handLink(clock);
    long.say('control', new Uint8Array(MAX_HELLO_BYTES + 1));
    const version = handLink(clock, { version: 2 });
    const message = handLink(clock, {});
    message.say('fetch', new Uint8Array(MAX_MESSAGE_BYTES + 1));
    for (const { link, host } of [first, lane, twice, long, version, message]) {
      assert.equal((link.closedWith?.error as { code?: string } | undefined)?.code, 'ERR_PROTOCOL');
      assert.match(host.told.at(-1) ?? '', /^closed/);
    }
    assert.deepEqual(version.host.told, ['other version', 'closed the peer speaks version 2, this pod 1']);
    assert.equal(clock.pending, 0, 'no timer is left');
  });

  it('waits for the hello no longer than it may take', () => {
    const clock = new VirtualClock();
    const { link, host } = handLink(clock);
    clock.advance(4_999);
    assert.deepEqual(host.told, []);
    clock.advance(1);
    assert.equal((link.closedWith?.error as { code?: string } | undefined)?.code, 'ERR_TIMEOUT');
  });

  it('pings, measures, and ends when nothing answers', () => {
    const clock = new VirtualClock();
    const { link, say, sent } = handLink(clock, {});
    sent();
    clock.advance(5_000);
    const [ping] = sent();
    assert.equal(ping?.kind, 'ping');
    clock.advance(30);
    say('control', { kind: 'pong', id: ping?.kind === 'ping' ? ping.id : 0 });
    assert.equal(link.roundTrip, 30);
    clock.advance(9_969);
    assert.equal(link.established, true);
    clock.advance(1);
    assert.equal((link.closedWith?.error as { code?: string } | undefined)?.code, 'ERR_TIMEOUT');
    assert.equal(clock.pending, 0);
  });

  it('takes nothing that waited while the process stood still: it is older than it says', () => {
    const clock = new StallingClock();
    const { link, host, say } = handLink(clock, {});
    clock.stall(10_000);
    say('log', { kind: 'skip', n: 1 });
    assert.deepEqual(host.told, ['greeted', 'heard']);
    clock.stall(10_001);
    say('log', { kind: 'skip', n: 2 });
    assert.equal((link.closedWith?.error as { code?: string } | undefined)?.code, 'ERR_TIMEOUT');
    assert.deepEqual(host.told, ['greeted', 'heard', 'closed nothing was read of the link']);
  });

  it('stays as long as anything comes', () => {
    const clock = new VirtualClock();
    const { link, say } = handLink(clock, {});
    for (let i = 0; i < 20; i++) {
      clock.advance(2_000);
      say('control', { kind: 'ping', id: i });
    }
    assert.equal(link.established, true);
  });

  it('knows when the other side has heard of its state', () => {
    const { link, host, say, sent } = handLink(new VirtualClock(), {});
    sent();
    link.tellState('draining');
    const [state, ping] = sent();
    assert.deepEqual([state?.kind, ping?.kind], ['state', 'ping']);
    say('control', { kind: 'pong', id: 0 });
    say('control', { kind: 'pong', id: 99 });
    assert.equal(link.toldStateHeard, false, 'an answer to anything else is none');
    say('control', { kind: 'pong', id: ping?.kind === 'ping' ? ping.id : 0 });
    assert.equal(link.toldStateHeard, true);
    assert.ok(host.told.includes('state'));
  });

  it('keeps only the newest word for a peer that takes none', () => {
    const clock = new VirtualClock();
    const { link, say, far, sent } = handLink(clock, {});
    sent();
    const near = far.other;
    assert.ok(near !== undefined);
    let room = false;
    const pass = near.send.bind(near);
    near.send = (lane, bytes) => {
      pass(lane, bytes);
      return room;
    };
    for (let i = 1; i <= 1_000; i++) {
      link.ack(i);
      link.tellHave([['CCCCCCCC', i]]);
      say('control', { kind: 'ping', id: i });
    }
    assert.deepEqual(kinds(sent()), ['ack'], 'the one that found the lane full');
    room = true;
    near.makeRoom('control');
    assert.deepEqual(
      sent().toSorted((a, b) => a.kind.localeCompare(b.kind)),
      [
        { kind: 'ack', n: 1_000 },
        { kind: 'have', have: [['CCCCCCCC', 1_000]] },
        { kind: 'pong', id: 1_000 },
      ],
    );
  });

  it('ends with a peer that tells of ever more origins', () => {
    const { link, say } = handLink(new VirtualClock(), {});
    const origin = (n: number): string => n.toString(36).padStart(8, '0');
    for (let from = 0; from < 40_000 && link.established; from += 4_000) {
      say('control', { kind: 'have', have: Array.from({ length: 4_000 }, (_, i) => [origin(from + i), 1] as const) });
    }
    assert.equal(link.established, false);
    assert.ok(link.peerHas.size <= 20_096);
  });

  it('ends for good, once', () => {
    const clock = new VirtualClock();
    const { link, host, say, sent } = handLink(clock, {});
    sent();
    link.close('enough');
    link.close('again');
    link.fail(new Error('late'));
    assert.deepEqual(sent(), [{ kind: 'bye', reason: 'enough' }]);
    say('control', { kind: 'ping', id: 1 });
    assert.deepEqual(host.told, ['greeted', 'closed']);
    assert.equal(clock.pending, 0);
  });

  it('goes away with the other side', () => {
    const clock = new VirtualClock();
    const polite = handLink(clock, {});
    polite.say('control', { kind: 'bye', reason: 'the pod ends' });
    assert.deepEqual(polite.link.closedWith, { error: undefined });
    const rude = handLink(clock, {});
    rude.far.close();
    rude.far.other?.deliver();
    assert.equal((rude.link.closedWith?.error as { code?: string } | undefined)?.code, 'ERR_CONNECTION_LOST');
    const refused = handLink(clock);
    refused.host.refuses = new Error('not one of us');
    refused.say('control', helloOf());
    assert.deepEqual(refused.host.told, ['greeted', 'closed not one of us']);
  });
});
