import type { Allocate } from '../bytes/memory.js';
import type { Clock } from '../clock/clock.js';
import type { Limits } from '../limits/limits.js';
import { PrefaceMachine } from '../mux/preface/machine.js';
import type { Machine, MachineEvents } from '../wire/machine.js';
import { YamuxMachine } from '../wire/yamux/machine.js';
import { YAMUX_SUBPROTOCOL } from './options.js';
import type { PairStream } from './stream.js';

const allocate: Allocate<Uint8Array> = (bytes) => new Uint8Array(bytes);

/** The machine of a subprotocol, as a client. */
export function makeMachine(
  subprotocol: string,
  events: MachineEvents<PairStream, Uint8Array>,
  setup: { readonly limits: Limits; readonly clock: Clock; readonly held: () => number; readonly wake: () => void },
): Machine<PairStream, Uint8Array> {
  const options = { ...setup, role: 'client', allocate, now: setup.clock.now() } as const;
  return subprotocol === YAMUX_SUBPROTOCOL ? new YamuxMachine(options, events) : new PrefaceMachine(options, events);
}
