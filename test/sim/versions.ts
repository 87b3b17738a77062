import { Packr } from 'msgpackr';
import type { LinkTransport, TransportEvents } from '../../src/mesh/link/transport.js';
import { PROTOCOL_VERSION, type Lane } from '../../src/mesh/protocol/messages.js';

/**
 * Another version than this one: `older` can nothing that came later, `newer` says what this one does not know, and `major`
 * does not go with it.
 */
export type Version = 'older' | 'same' | 'newer' | 'major';

const packr = new Packr({ useRecords: false, mapsAsObjects: false });
const HELLO = 1;
/** Where a hello has its version, and its capabilities. */
const VERSION = 1;
const CAPABILITIES = 6;

/** The end of a pod of another version: what it says differs, what it hears it takes as it can. */
export class OtherVersion implements LinkTransport {
  readonly dialled: boolean;
  readonly address: string;
  readonly #inner: LinkTransport;
  readonly #version: Version;
  #turn = 0;

  constructor(inner: LinkTransport, version: Version) {
    this.#inner = inner;
    this.#version = version;
    this.dialled = inner.dialled;
    this.address = inner.address;
  }

  listen(events: TransportEvents): void {
    this.#inner.listen(events);
  }

  send(lane: Lane, bytes: Uint8Array): boolean {
    const message = packr.unpack(bytes) as unknown[];
    const hello = message[0] === HELLO;
    if (hello) message[CAPABILITIES] = this.#version === 'older' ? [] : [...asList(message[CAPABILITIES]), 'telepathy'];
    if (hello && this.#version === 'major') message[VERSION] = PROTOCOL_VERSION + 1;
    if (this.#version === 'newer') {
      message.push({ later: 'a field at the end' }, 7);
      this.#turn += 1;
      // After the hello there may be messages of types to come, on every lane.
      if (!hello && this.#turn % 3 === 0)
        this.#inner.send(lane, packr.pack([100 + (this.#turn % 50), 'of a later version', [1, [2]]]));
    }
    return this.#inner.send(lane, packr.pack(message));
  }

  close(): void {
    this.#inner.close();
  }
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
