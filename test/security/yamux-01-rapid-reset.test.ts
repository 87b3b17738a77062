import assert from 'node:assert/strict';
import { it } from 'node:test';
import { describeFrames, ping, rst, syn } from '../support/yamux-frames.js';
import { arena, endedBy, flood, until } from './yamux-support.js';

// Row 1: streams opened and reset at once, at HTTP/2 at large (CVE-2023-44487).

const pairs = (count: number): Buffer =>
  Buffer.concat(Array.from({ length: count }, (_, index) => [syn(2 * index + 1), rst(2 * index + 1)]).flat());

for (const headers of [false, true]) {
  it(`100,000 SYN and RST pairs, ${headers ? 'with' : 'without'} headers: few handlers, then the connection ends`, async () => {
    let started = 0;
    const ring = await arena({
      options: { headers },
      handler: async () => {
        started++;
        await new Promise(() => {});
      },
    });
    try {
      await flood(ring.attacker, pairs(100_000));
      const { kind, error } = await ring.victim.closed;
      assert.equal(kind, 'protocol-error');
      endedBy(error, 'resetBurst');
      // With headers none: no preface ever came.
      assert.ok(headers ? started === 0 : started > 90 && started <= 256, `${started} handlers were started`);
      assert.equal(ring.victim.streams.size, 0);
      assert.ok(describeFrames(ring.received()).includes('GOAWAY 1'));
      await ring.checkHonest();
    } finally {
      await ring.stop();
    }
  });
}

it('SYN and RST in one frame is paid from the same budget', async () => {
  let started = 0;
  const ring = await arena({ handler: () => void started++ });
  try {
    const frames = Array.from({ length: 1000 }, (_, index) => Buffer.from(syn(2 * index + 1)));
    for (const frame of frames) frame[3] = 9;
    await flood(ring.attacker, Buffer.concat(frames));
    endedBy((await ring.victim.closed).error, 'resetBurst');
    assert.equal(started, 0);
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
    ring.attacker.write(pairs(10));
    await until(() => describeFrames(ring.received()).length === 10);
    assert.equal(started, 4);
    assert.deepEqual(
      describeFrames(ring.received()).slice(4),
      [9, 11, 13, 15, 17, 19].map((id) => `WINDOW ${id} rst 0`),
    );
    finish.splice(0).forEach((done) => done());
    ring.attacker.write(syn(21));
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
      ring.attacker.write(Buffer.concat([pairs(resets), ping(13)]));
      const answers = (): string => describeFrames(ring.received()).join();
      await until(() => /PING ack 13|GOAWAY/.test(answers()));
      assert.equal(answers().includes('GOAWAY'), ends);
    } finally {
      await ring.stop();
    }
  }
});

it('resets after our FIN are free', async () => {
  let served = 0;
  const ring = await arena({
    options: { limits: { resetBurst: 0, resetsPerSecond: 0 } },
    handler: (stream) => {
      served++;
      stream.end('bye');
    },
  });
  try {
    for (let id = 1; id <= 99; id += 2) {
      ring.attacker.write(syn(id));
      await until(() => describeFrames(ring.received()).includes(`WINDOW ${id} fin 0`));
      ring.attacker.write(rst(id));
    }
    await until(() => served === 50 && ring.victim.streams.size === 0);
    await ring.checkHonest();
  } finally {
    await ring.stop();
  }
});
