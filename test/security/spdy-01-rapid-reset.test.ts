import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FIN, FrameFactory, data, describeFrames, rst } from '../support/frames.js';
import { arena, flood, until } from './spdy-support.js';

// Row 1: streams opened and reset at once, at HTTP/2 at large (CVE-2023-44487).

it('100,000 SYN and RST pairs start no more handlers than the limits say, then the connection ends', async () => {
  let started = 0;
  const ring = await arena({
    handler: async () => {
      started++;
      await new Promise(() => {});
    },
  });
  try {
    const factory = new FrameFactory();
    const pairs = Array.from({ length: 100_000 }, (_, index) =>
      Buffer.concat([factory.synStream(2 * index + 1), rst(2 * index + 1)]),
    );
    await flood(ring.attacker, Buffer.concat(pairs));
    const { kind, error } = await ring.victim.closed;
    assert.equal(kind, 'protocol-error');
    assert.ok(error && 'limit' in error && error.limit === 'resetBurst', String(error));
    assert.ok(started > 100 && started <= 256, `${started} handlers were started`);
    assert.equal(ring.victim.streams.size, 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});

it('a handler counts until it ends, also when its stream is long reset', async () => {
  let started = 0;
  const finish: (() => void)[] = [];
  const ring = await arena({
    options: { limits: { maxStreams: 4, resetBurst: 1000 } },
    handler: async () => {
      started++;
      await new Promise<void>((resolve) => finish.push(resolve));
    },
  });
  try {
    const factory = new FrameFactory();
    for (let id = 1; id <= 19; id += 2) ring.attacker.write(Buffer.concat([factory.synStream(id), rst(id)]));
    await until(() => describeFrames(ring.received()).length === 10);
    assert.equal(started, 4);
    assert.deepEqual(
      describeFrames(ring.received()).slice(4),
      [9, 11, 13, 15, 17, 19].map((id) => `RST_STREAM ${id} 3`),
    );
    finish.splice(0).forEach((done) => done());
    ring.attacker.write(factory.synStream(21));
    await until(() => started === 5);
  } finally {
    await ring.stop();
  }
});

it('resetBurst: as many resets are taken, one more ends the connection', async () => {
  for (const [resets, ends] of [
    [3, false],
    [4, true],
  ] as const) {
    const ring = await arena({ options: { limits: { resetBurst: 3, resetsPerSecond: 0 } } });
    try {
      const factory = new FrameFactory();
      for (let i = 0; i < resets; i++)
        ring.attacker.write(Buffer.concat([factory.synStream(2 * i + 1), rst(2 * i + 1)]));
      ring.attacker.write(Buffer.from('80030006000000040000000d', 'hex'));
      const answers = (): string => describeFrames(ring.received()).join();
      await until(() => /PING 13|GOAWAY/.test(answers()));
      assert.equal(answers().includes('GOAWAY'), ends);
    } finally {
      await ring.stop();
    }
  }
});

it('resets after our FIN are free, as client-go ends each port-forward stream that way', async () => {
  let served = 0;
  const ring = await arena({
    options: { limits: { resetBurst: 0, resetsPerSecond: 0 } },
    handler: (stream) => {
      served++;
      stream.end('bye');
    },
  });
  try {
    const factory = new FrameFactory();
    for (let id = 1; id <= 99; id += 2) {
      ring.attacker.write(factory.synStream(id));
      await until(() => ring.received().includes(data(id, '', FIN)));
      ring.attacker.write(rst(id));
    }
    await until(() => served === 50 && ring.victim.streams.size === 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
