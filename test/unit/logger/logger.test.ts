import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { safeLogger, silentLogger, type Logger } from '../../../src/logger/logger.js';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

describe('silentLogger', () => {
  it('has every level, and cannot be changed', () => {
    for (const level of LEVELS) assert.equal(silentLogger[level]({ a: 1 }, 'x'), undefined);
    assert.ok(Object.isFrozen(silentLogger));
  });
});

describe('safeLogger', () => {
  it('hands everything on, as a method of the logger', () => {
    const lines: unknown[] = [];
    class Lines implements Logger {
      readonly name = 'lines';
      debug(fields: object, message: string): void {
        lines.push([this.name, 'debug', fields, message]);
      }
      info(fields: object, message: string): void {
        lines.push([this.name, 'info', fields, message]);
      }
      warn(fields: object, message: string): void {
        lines.push([this.name, 'warn', fields, message]);
      }
      error(fields: object, message: string): void {
        lines.push([this.name, 'error', fields, message]);
      }
    }
    const logger = safeLogger(new Lines());
    for (const level of LEVELS) logger[level]({ level }, 'said');
    assert.deepEqual(
      lines,
      LEVELS.map((level) => ['lines', level, { level }, 'said']),
    );
  });

  it('keeps what a logger throws from its caller', () => {
    const fail = (): never => {
      throw new Error('disk full');
    };
    const logger = safeLogger({ debug: fail, info: fail, warn: fail, error: fail });
    for (const level of LEVELS) assert.doesNotThrow(() => logger[level]({}, 'x'));
  });
});
