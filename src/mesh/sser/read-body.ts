import type { IncomingMessage } from 'node:http';
import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';

/** Why a body was not read. */
export type Unread = 'too-large' | 'too-slow' | 'too-many' | 'gone';

/** Bytes that bodies take together while they are read. */
export interface BodyBudget {
  readonly limit: number;
  used: number;
}

/** How a body is read. */
export interface ReadBodyOptions {
  readonly clock: Clock;
  /** Bytes that it may have. */
  readonly limit: number;
  /** Milliseconds that it may take. */
  readonly timeout: number;
  readonly budget: BodyBudget;
}

/** Reads the body of a request, or tells why not; what is left of it then is not taken. */
export async function readBody(req: IncomingMessage, options: ReadBodyOptions): Promise<Buffer | Unread> {
  const { clock, limit, timeout, budget } = options;
  if (Number(req.headers['content-length'] ?? 0) > limit) return 'too-large';
  return await new Promise<Buffer | Unread>((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (result: Buffer | Unread): void => {
      alarm.cancel();
      req.off('data', take).off('end', end).off('close', gone);
      req.pause();
      budget.used -= length;
      resolve(result);
    };
    const alarm = new Alarm(clock, () => settle('too-slow'));
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      budget.used += chunk.length;
      chunks.push(chunk);
      if (length > limit) settle('too-large');
      else if (budget.used > budget.limit) settle('too-many');
    };
    const end = (): void => settle(Buffer.concat(chunks, length));
    const gone = (): void => settle('gone');
    // Whoever is cut off in the middle of its body is gone; that is no error of anybody's.
    req.on('error', gone);
    req.on('data', take).on('end', end).on('close', gone);
    alarm.set(clock.now() + timeout);
  });
}
