import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import type { Clock, Timer } from '../clock/clock.js';
import type { WallClock } from '../clock/wall.js';
import type { Logger } from '../logger/logger.js';
import type { Bus } from '../mesh/bus.js';

/** Milliseconds between ticks. */
const PERIOD = 1_000;
/** Characters of a line that are published at most as one event; the rest is the next. */
const MAX_LINE = 16_384;

/** What publishes on behalf of a pod. */
export interface DemoOptions {
  readonly pod: string;
  readonly bus: Pick<Bus, 'publish'>;
  /** How many clients follow on this pod. */
  readonly clients: () => number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly wallClock: WallClock;
}

/** Publishes an event each second, and logs it, until it is stopped. */
export function publishTicks(stream: string, options: DemoOptions): { stop(): void } {
  const { pod, bus, clients, logger, clock, wallClock } = options;
  let tick = 0;
  let timer: Timer;
  const next = (): void => {
    timer = clock.setTimeout(() => {
      tick++;
      const time = wallClock.now().toISOString();
      logger.info({ tick, clients: clients() }, 'tick');
      publish(bus, stream, { pod, tick, time }, 'tick', logger);
      next();
    }, PERIOD);
  };
  next();
  return { stop: () => timer.cancel() };
}

/** Publishes each line that is read from `input`. */
export function publishLines(stream: string, input: Readable, options: DemoOptions): { stop(): void } {
  const { pod, bus, logger } = options;
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const take = (chunk: Buffer): void => {
    rest += decoder.write(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    while (rest.length >= MAX_LINE) {
      lines.push(rest.slice(0, MAX_LINE));
      rest = rest.slice(MAX_LINE);
    }
    for (const line of lines) {
      const text = line.replace(/\r$/, '');
      if (text === '') continue;
      logger.info({ text }, 'read');
      publish(bus, stream, { pod, text }, 'line', logger);
    }
  };
  input.on('data', take);
  input.on('error', () => {});
  return {
    stop() {
      input.off('data', take);
      input.pause();
    },
  };
}

function publish(bus: DemoOptions['bus'], stream: string, data: unknown, type: string, logger: Logger): void {
  bus.publish(stream, data, { type, ack: 'local' }).catch((error: unknown) => {
    logger.warn({ error: error instanceof Error ? error.message : String(error) }, 'an event could not be published');
  });
}
