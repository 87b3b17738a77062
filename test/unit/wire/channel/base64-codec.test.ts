import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { InvalidArgumentError, ProtocolError } from '../../../../src/errors/index.js';
import {
  ChannelMachine,
  base64Codec,
  isBase64Protocol,
  rawCodec,
  type ChannelMode,
} from '../../../../src/wire/channel/index.js';

const decode = (text: string): [number, string] | undefined => {
  const decoded = base64Codec.decode(Buffer.from(text, 'latin1'));
  return decoded && [decoded.channel, decoded.payload.toString('latin1')];
};
const machine = (role: 'client' | 'server', modes: readonly ChannelMode[], halfClose = false): ChannelMachine =>
  new ChannelMachine({ role, modes, halfClose, codec: base64Codec });

describe('base64 codec', () => {
  it('puts the digit of the channel in front of base64 with padding', () => {
    for (const [payload, text] of [
      ['', '1'],
      ['f', '1Zg=='],
      ['fo', '1Zm8='],
      ['foo', '1Zm9v'],
      ['foob', '1Zm9vYg=='],
    ] as const) {
      const message = base64Codec.encode(1, [Buffer.from(payload)], payload.length);
      assert.equal(message.toString(), text);
      assert.equal(base64Codec.messageLength(payload.length), text.length);
    }
    // The examples in the original's comments.
    assert.equal(base64Codec.encode(0, [Buffer.from('foo\n')], 4).toString(), '0Zm9vCg==');
    assert.deepEqual(decode('1Cg=='), [1, '\n']);
  });

  it('gathers pieces before it encodes, in memory that it is given', () => {
    const pieces = [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc'), new Uint8Array([0xff])];
    const given: Buffer[] = [];
    const message = base64Codec.encode(2, pieces, 4, (bytes) => {
      const memory = Buffer.alloc(bytes, '?');
      given.push(memory);
      return memory;
    });
    assert.equal(message.toString(), `2${Buffer.from('abc\xff', 'latin1').toString('base64')}`);
    assert.deepEqual(given, [message]);
  });

  it('decodes what it encoded, in messages of the length it said', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 79 }), fc.uint8Array(), (channel, payload) => {
        const message = base64Codec.encode(channel, [payload], payload.length);
        assert.equal(message.length, base64Codec.messageLength(payload.length));
        assert.match(message.toString('latin1'), /^[\0-\x7f]+$/);
        assert.deepEqual(base64Codec.decode(message), { channel, payload: Buffer.from(payload) });
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  it('reads characters beyond the digits as the channels that follow, and those before them as none', () => {
    assert.deepEqual(decode('9QQ=='), [9, 'A']);
    assert.deepEqual(decode(':QQ=='), [10, 'A']);
    assert.deepEqual(decode('\x7fQQ=='), [79, 'A']);
    assert.deepEqual(decode('/QQ=='), [255, 'A']);
    assert.deepEqual(decode('\0QQ=='), [208, 'A']);
  });

  it('skips line breaks, as the original does', () => {
    assert.deepEqual(decode('0Zm9v\r\nYg==\n'), [0, 'foob']);
    assert.deepEqual(decode('0\n'), [0, '']);
  });

  it('does not decode what is not base64 with padding', () => {
    for (const text of [
      '0Q',
      '0QQ',
      '0QQ=',
      '0QQQ',
      '0QQ===',
      '0=',
      '0====',
      '0=QQ=',
      '0QQ==QQ==',
      '0QQ==x',
      '0Q Q=',
      '0Zm9-',
      '0Zm9_',
      '0Zm9\xff',
      '0Zm9v\0',
    ]) {
      assert.equal(decode(text), undefined, JSON.stringify(text));
    }
    assert.equal(base64Codec.decode(Buffer.alloc(0)), undefined);
  });

  it('agrees with a strict reading of RFC 4648 on every text', () => {
    const alphabet = fc.constantFrom(...'AZaz09+/=-_ \n\r\0é');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, maxLength: 12 }), (text) => {
        const digits = text.replaceAll(/[\r\n]/g, '');
        const legal = /^(?:[+/0-9A-Za-z]{4})*(?:[+/0-9A-Za-z]{2}==|[+/0-9A-Za-z]{3}=)?$/.test(digits);
        assert.equal(decode(`0${text}`) !== undefined, legal, JSON.stringify(text));
      }),
      { seed: 2, numRuns: 3000 },
    );
  });

  it('takes a message of a mebibyte without a deep stack', () => {
    const payload = Buffer.alloc(768 * 1024, 7);
    const message = base64Codec.encode(0, [payload], payload.length);
    assert.ok(base64Codec.decode(message)?.payload.equals(payload));
    message[message.length - 1] = 0x2d;
    assert.equal(base64Codec.decode(message), undefined);
  });

  it('belongs to the two subprotocols of its name', () => {
    for (const protocol of ['base64.channel.k8s.io', 'v4.base64.channel.k8s.io']) {
      assert.ok(isBase64Protocol(protocol));
    }
    for (const protocol of [
      '',
      'channel.k8s.io',
      'v4.channel.k8s.io',
      'base64.binary.k8s.io',
      'xbase64.channel.k8s.io',
    ]) {
      assert.ok(!isBase64Protocol(protocol), protocol);
    }
  });
});

describe('channel machine with base64', () => {
  const text = (value: string): Buffer => Buffer.from(value, 'latin1');

  it('a server reads text and binary messages alike; a client fails on binary ones', () => {
    const data = { type: 'data', channel: 0, payload: text('A') };
    assert.deepEqual(machine('server', ['read']).receive(text('0QQ=='), false), data);
    assert.deepEqual(machine('server', ['read']).receive(text('0QQ=='), true), data);
    assert.deepEqual(machine('client', ['read']).receive(text('0QQ=='), false), data);
    assert.throws(() => machine('client', ['read']).receive(text('0QQ=='), true), ProtocolError);
  });

  it('skips what cannot be decoded, on both sides', () => {
    for (const role of ['client', 'server'] as const) {
      for (const message of ['0Q', '0Zm9-', '0', '5QQ==', '\xff\x00', '\xff']) {
        assert.deepEqual(machine(role, ['read']).receive(text(message), false), { type: 'nothing' }, message);
      }
    }
    assert.deepEqual(machine('server', ['read']).receive(text(''), false), { type: 'nothing' });
    assert.throws(() => machine('client', ['read']).receive(text(''), false), ProtocolError);
  });

  it('sends text, and knows its length before', () => {
    const server = machine('server', ['write']);
    assert.equal(server.binary, false);
    assert.equal(server.send(0, [text('A')], 1).toString(), '0QQ==');
    assert.equal(server.messageLength(1), 5);
    assert.equal(server.send(0, [], 0).toString(), '0');
    assert.equal(new ChannelMachine({ role: 'server', modes: [], halfClose: false }).binary, true);
    assert.equal(rawCodec.messageLength(1), 2);
  });

  it('has no half-close signal, even when it is asked for', () => {
    assert.equal(machine('client', ['write'], true).end(0), undefined);
    assert.deepEqual(machine('server', ['read'], true).receive(Buffer.of(255, 0), true), { type: 'nothing' });
  });

  it('numbers 80 channels and no more', () => {
    const modes = Array.from({ length: 80 }, (): ChannelMode => 'duplex');
    assert.equal(machine('server', modes).send(79, [], 0).toString(), '\x7f');
    assert.throws(() => machine('server', [...modes, 'duplex']), InvalidArgumentError);
  });
});
