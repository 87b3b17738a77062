import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acceptsType, chooseCoding, type Coding } from '../../../../src/push/http/accept.js';

describe('acceptsType', () => {
  const cases: readonly [field: string | undefined, accepted: boolean][] = [
    [undefined, true],
    ['', true],
    ['text/event-stream', true],
    ['TEXT/Event-Stream', true],
    ['text/*', true],
    ['*/*', true],
    ['application/json, */*;q=0.1', true],
    ['text/event-stream;charset=utf-8;q=0.5', true],
    ['application/json', false],
    ['text/html, application/*', false],
    ['text/event-stream;q=0', false],
    ['text/event-stream;q=0, */*', false],
    ['text/*;q=0, */*;q=1', false],
    ['text/event-stream, text/*;q=0', true],
    ['text/event-stream;q=0.000', false],
    ['text/event-stream; q = 1.0', true],
    ['text/event-stream;q=often', false],
  ];
  for (const [field, accepted] of cases) {
    it(`${field} ${accepted ? 'takes' : 'refuses'} an event stream`, () => {
      assert.equal(acceptsType(field, 'text/event-stream'), accepted);
    });
  }
});

describe('chooseCoding', () => {
  const cases: readonly [field: string | undefined, coding: Coding][] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['GZIP', 'gzip'],
    ['x-gzip', 'gzip'],
    ['gzip, deflate, br, zstd', 'gzip'],
    ['br', 'br'],
    ['br, gzip;q=0', 'br'],
    ['br;q=1, gzip;q=0.1', 'gzip'],
    ['deflate', 'identity'],
    ['identity', 'identity'],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'br'],
    ['*;q=0', 'identity'],
    ['gzip;q=0', 'identity'],
    ['identity;q=1, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['identity;q=0, br;q=0.2', 'br'],
    ['gzip;q=1.5', 'identity'],
    ['gzip;q=0.0001', 'identity'],
  ];
  for (const [field, coding] of cases) {
    it(`${field} gets ${coding}`, () => {
      assert.equal(chooseCoding(field), coding);
    });
  }
});
