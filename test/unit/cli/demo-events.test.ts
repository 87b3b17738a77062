import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { publishLines, publishTicks, type DemoOptions } from '../../../src/cli/demo-events.js';
import { silentLogger } from '../../../src/logger/logger.js';
import { VirtualClock } from '../../../src/testing/index.js';

interface Seen {
  readonly stream: string;
  readonly data: unknown;
  readonly options: unknown;
}

/** A bus that keeps what is published; from `fails` on it does not take any more. */
function demo(fails = Infinity): { clock: VirtualClock; seen: Seen[]; warnings: string[]; options: DemoOptions } {
  const clock = new VirtualClock();
  const seen: Seen[] = [];
  const warnings: string[] = [];
  const publish = (stream: string, data: unknown, options: unknown): Promise<never> => {
    if (seen.length >= fails) return Promise.reject(new Error('draining'));
    seen.push({ stream, data, options });
    return new Promise(() => {});
  };
  const logger = { ...silentLogger, warn: (fields: object) => void warnings.push(JSON.stringify(fields)) };
  const wallClock = { now: () => new Date(1_000 + clock.now()) };
  return { clock, seen, warnings, options: { pod: 'p', bus: { publish }, clients: () => 2, logger, clock, wallClock } };
}

describe('publishTicks', () => {
  it('publishes one event a second until it is stopped, and waits for nobody', () => {
    const { clock, seen, options } = demo();
    const ticks = publishTicks('ticks', options);
    clock.advance(2_500);
    assert.deepEqual(
      seen.map(({ stream, data }) => [stream, (data as { tick: number }).tick]),
      [
        ['ticks', 1],
        ['ticks', 2],
      ],
    );
    assert.deepEqual(seen[0]?.options, { type: 'tick', ack: 'local' });
    ticks.stop();
    clock.advance(5_000);
    assert.equal(seen.length, 2);
  });

  it('goes on when an event cannot be published, and says so', async () => {
    const { clock, seen, warnings, options } = demo(1);
    const ticks = publishTicks('ticks', options);
    clock.advance(3_000);
    await new Promise(setImmediate);
    assert.equal(seen.length, 1);
    assert.deepEqual(warnings, ['{"error":"draining"}', '{"error":"draining"}']);
    ticks.stop();
  });
});

describe('publishLines', () => {
  const texts = (seen: readonly Seen[]): string[] => seen.map(({ data }) => (data as { text: string }).text);

  it('publishes whole lines, however they come', async () => {
    const { seen, options } = demo();
    const input = new PassThrough();
    const lines = publishLines('ticks', input, options);
    const bytes = Buffer.from('one\r\n\ntwö\nthr');
    for (const byte of bytes) input.write(Buffer.from([byte]));
    await new Promise(setImmediate);
    assert.deepEqual(texts(seen), ['one', 'twö']);
    assert.deepEqual(seen[0]?.options, { type: 'line', ack: 'local' });
    lines.stop();
    input.write('ee\n');
    await new Promise(setImmediate);
    assert.equal(seen.length, 2);
  });

  it('keeps no line that is too long', async () => {
    const { seen, options } = demo();
    const input = new PassThrough();
    publishLines('ticks', input, options);
    input.write('x'.repeat(40_000));
    input.write('\n');
    await new Promise(setImmediate);
    assert.deepEqual(
      texts(seen).map((text) => text.length),
      [16_384, 16_384, 7_232],
    );
  });
});
