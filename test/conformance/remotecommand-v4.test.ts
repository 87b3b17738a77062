import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeStatus } from '../../src/remotecommand/status-codec.js';

// client-go tools/remotecommand/v4_test.go, TestV4ErrorDecoder: its seven messages and what each means.
const CASES: readonly (readonly [message: string, outcome: number | RegExp, code?: string])[] = [
  ['{}', /^unknown error$/, 'ERR_EXEC'],
  ['{"status":"Success"}', 0],
  ['{"status":"Failure","message":"foobar"}', /^foobar$/, 'ERR_EXEC'],
  [
    '{"status":"Failure","message":"foobar","reason":"NonZeroExitCode","details":{"causes":[{"reason":"foo"}]}}',
    /no ExitCode cause given/,
    'ERR_PROTOCOL',
  ],
  [
    '{"status":"Failure","message":"foobar","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode"}]}}',
    /invalid exit code value/,
    'ERR_PROTOCOL',
  ],
  [
    '{"status":"Failure","message":"foobar","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"42"}]}}',
    42,
  ],
  ['{"status":"Failure","message":"foobar","reason":"NonZeroExitCode"}', /details must be set/, 'ERR_PROTOCOL'],
];

describe('remotecommand v4: TestV4ErrorDecoder', () => {
  for (const protocol of ['v4.channel.k8s.io', 'v5.channel.k8s.io'] as const) {
    for (const [message, outcome, code] of CASES) {
      it(`${protocol} ${message}`, () => {
        if (typeof outcome === 'number') assert.equal(decodeStatus(message, protocol)?.exitCode, outcome);
        else assert.throws(() => decodeStatus(message, protocol), { message: outcome, code });
      });
    }
  }
});
