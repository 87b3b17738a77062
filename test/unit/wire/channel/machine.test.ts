import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { InvalidArgumentError, ProtocolError } from '../../../../src/errors/index.js';
import { CLOSE_SIGNAL, ChannelMachine, rawCodec, type ChannelMode } from '../../../../src/wire/channel/index.js';

const SERVER: readonly ChannelMode[] = ['read', 'write', 'write', 'write', 'read'];
const CLIENT: readonly ChannelMode[] = ['write', 'read', 'read', 'read', 'write'];

const server = (halfClose = true): ChannelMachine => new ChannelMachine({ role: 'server', modes: SERVER, halfClose });
const client = (halfClose = true): ChannelMachine => new ChannelMachine({ role: 'client', modes: CLIENT, halfClose });
const duplexes = (count: number): ChannelMode[] => Array.from({ length: count }, () => 'duplex');
const bytes = (...values: number[]): Buffer => Buffer.from(values);

describe('raw codec', () => {
  it('puts the channel in front of the gathered payload', () => {
    assert.deepEqual(rawCodec.encode(2, [bytes(1, 2), bytes(), bytes(3)], 3), bytes(2, 1, 2, 3));
    assert.deepEqual(rawCodec.encode(7, [], 0), bytes(7));
  });

  it('decodes what it encoded', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 254 }), fc.uint8Array(), (channel, payload) => {
        const decoded = rawCodec.decode(rawCodec.encode(channel, [payload], payload.length));
        assert.equal(decoded?.channel, channel);
        assert.deepEqual(decoded.payload, Buffer.from(payload));
      }),
      { seed: 1, numRuns: 100 },
    );
  });

  it('cannot decode an empty message', () => assert.equal(rawCodec.decode(bytes()), undefined));
});

describe('channel machine, receiving', () => {
  it('delivers payloads to channels that read', () => {
    assert.deepEqual(server().receive(bytes(0, 104, 105), true), {
      type: 'data',
      channel: 0,
      payload: Buffer.from('hi'),
    });
    assert.deepEqual(client().receive(bytes(3, 1), true), { type: 'data', channel: 3, payload: bytes(1) });
  });

  it('drops messages without payload, for unknown channels, and for channels that only write', () => {
    for (const machine of [server(), client()]) {
      assert.deepEqual(machine.receive(bytes(0), true), { type: 'nothing' });
      assert.deepEqual(machine.receive(bytes(9, 1), true), { type: 'nothing' });
    }
    assert.deepEqual(server().receive(bytes(1, 1), true), { type: 'nothing' });
    assert.deepEqual(client().receive(bytes(0, 1), true), { type: 'nothing' });
  });

  it('a server drops an empty message, a client fails on it', () => {
    assert.deepEqual(server().receive(bytes(), true), { type: 'nothing' });
    assert.throws(() => client().receive(bytes(), true), ProtocolError);
  });

  it('a client fails on text, a server reads it as bytes', () => {
    assert.throws(() => client().receive(bytes(1, 65), false), ProtocolError);
    assert.deepEqual(server().receive(bytes(0, 65), false), { type: 'data', channel: 0, payload: bytes(65) });
  });

  it('ends a channel on the close signal, once, and drops what follows for it', () => {
    const machine = server();
    assert.deepEqual(machine.receive(bytes(CLOSE_SIGNAL, 0), true), { type: 'end', channel: 0 });
    assert.deepEqual(machine.receive(bytes(CLOSE_SIGNAL, 0), true), { type: 'nothing' });
    assert.deepEqual(machine.receive(bytes(0, 1), true), { type: 'nothing' });
    assert.deepEqual(machine.receive(bytes(4, 1), true), { type: 'data', channel: 4, payload: bytes(1) });
  });

  it('ignores a close signal for a channel that only writes', () => {
    assert.deepEqual(server().receive(bytes(CLOSE_SIGNAL, 1), true), { type: 'nothing' });
  });

  it('fails on a close signal of any other length, or for an unknown channel', () => {
    for (const message of [bytes(CLOSE_SIGNAL), bytes(CLOSE_SIGNAL, 0, 0), bytes(CLOSE_SIGNAL, 5), bytes(255, 255)]) {
      assert.throws(() => server().receive(message, true), ProtocolError);
    }
  });

  it('knows no close signal before v5, and none from servers', () => {
    assert.deepEqual(server(false).receive(bytes(CLOSE_SIGNAL, 0), true), { type: 'nothing' });
    assert.deepEqual(client().receive(bytes(CLOSE_SIGNAL, 1), true), { type: 'nothing' });
  });

  it('survives any bytes with an event or a ProtocolError', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.uint8Array({ maxLength: 4 }), fc.boolean())), (messages) => {
        const machine = server();
        const ended = new Set<number>();
        for (const [message, binary] of messages) {
          try {
            const event = machine.receive(Buffer.from(message), binary);
            if (event.type === 'end') {
              assert.ok(!ended.has(event.channel));
              ended.add(event.channel);
            } else if (event.type === 'data') {
              assert.ok(!ended.has(event.channel) && SERVER[event.channel] === 'read' && event.payload.length > 0);
            }
          } catch (error) {
            assert.ok(error instanceof ProtocolError);
            return;
          }
        }
      }),
      { seed: 2, numRuns: 300 },
    );
  });
});

describe('channel machine, sending', () => {
  it('ends a channel with the two bytes of the close signal from a v5 client only', () => {
    assert.deepEqual(client().end(0), bytes(CLOSE_SIGNAL, 0));
    assert.equal(client(false).end(0), undefined);
    assert.equal(server().end(1), undefined);
  });

  it('ends a channel once, and refuses to send after that', () => {
    const machine = client();
    machine.end(4);
    assert.equal(machine.end(4), undefined);
    assert.throws(() => machine.send(4, [], 0), InvalidArgumentError);
    assert.deepEqual(machine.send(0, [bytes(1)], 1), bytes(0, 1));
  });

  it('refuses channels that do not write', () => {
    for (const channel of [1, 5, -1]) assert.throws(() => client().send(channel, [], 0), InvalidArgumentError);
    assert.equal(client().end(1), undefined);
  });

  it('numbers 255 channels and no more', () => {
    const machine = new ChannelMachine({ role: 'server', modes: duplexes(255), halfClose: true });
    assert.deepEqual(machine.send(254, [], 0), bytes(254));
    assert.throws(
      () => new ChannelMachine({ role: 'server', modes: duplexes(256), halfClose: true }),
      InvalidArgumentError,
    );
  });
});
