import assert from 'node:assert/strict';
import { it } from 'node:test';
import { YamuxHarness } from '../support/yamux-machine.js';

/** One numbered case: bytes in, frames and events out. */
export interface Case {
  readonly role?: 'client' | 'server';
  /** Streams of ours that are open(ing) before. */
  readonly opened?: number;
  /** Streams of the peer are left without a reply. */
  readonly unreplied?: boolean;
  readonly input: readonly Buffer[];
  readonly events?: readonly string[];
  readonly output?: readonly string[];
  /** Matches the error that ends the connection; a GOAWAY with a protocol error leaves then. */
  readonly ends?: RegExp;
}

/**
 * Headings are those of spec.md of hashicorp/yamux, quoted where it says what must be; `session.go`, `stream.go` and
 * `const.go` name the file of the library that decides where the specification does not.
 */
export function check(name: string, one: Case): void {
  it(name, () => {
    const harness = new YamuxHarness(one.role ?? 'server');
    if (one.unreplied === true) harness.onOpened = () => {};
    for (let i = 0; i < (one.opened ?? 0); i++) harness.open();
    harness.takeOutput();
    const error = harness.failure(...one.input);
    if (one.ends === undefined) {
      assert.equal(error, undefined);
    } else {
      assert.match(String(error), one.ends);
      assert.ok(error instanceof Error && 'initiator' in error && error.initiator === 'remote');
    }
    const output = harness.takeOutput();
    if (one.ends !== undefined) assert.equal(output.at(-1), 'GOAWAY 1');
    if (one.output !== undefined) assert.deepEqual(one.ends === undefined ? output : output.slice(0, -1), one.output);
    if (one.events !== undefined) assert.deepEqual(harness.takeEvents(), one.events);
  });
}

/** Bytes as hexadecimal text, with spaces where one likes. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}
