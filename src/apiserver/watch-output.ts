import type { ServerResponse } from 'node:http';
import { failureStatus } from '../httpstream/index.js';
import type { WatchFault } from './fault.js';

/** Where a watch writes its lines. Faults are done here, so that nothing of them shows in a watch itself. */
export class WatchOutput {
  readonly #response: ServerResponse;
  readonly #fault: WatchFault | undefined;
  #written = 0;
  #stalled = false;
  /** Whether the end came while stalled. */
  #ending = false;
  #over = false;
  /** Called when there is room again. */
  onDrain: () => void = () => {};
  /** Called when a fault ended the watch. */
  onCut: () => void = () => {};

  /** @param fault What happens to this watch, once `afterEvents` lines are written. */
  constructor(response: ServerResponse, fault?: WatchFault) {
    this.#response = response;
    this.#fault = fault;
    response.on('drain', () => {
      if (!this.#stalled) this.onDrain();
    });
  }

  /** Whether the client takes more. */
  get writable(): boolean {
    const { writableNeedDrain, writableEnded, destroyed } = this.#response;
    return !this.#stalled && !this.#over && !writableNeedDrain && !writableEnded && !destroyed;
  }

  /** Whether a fault keeps everything back. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Begins: a fault that waits for no event happens now. */
  begin(): void {
    this.#actIfDue();
  }

  /** Writes one event as a line. */
  write(type: string, object: unknown): void {
    if (this.#over) return;
    const line = JSON.stringify({ type, object }) + '\n';
    if (this.#fault?.kind === 'truncate' && this.#written === (this.#fault.afterEvents ?? 0)) {
      this.#cutWith(line.slice(0, line.length / 2), this.#fault.how ?? 'reset');
      return;
    }
    this.#response.write(line);
    this.#written++;
    this.#actIfDue();
  }

  /** Ends in order, unless stalled: then the client hears nothing of it. */
  end(): void {
    if (this.#stalled) this.#ending = true;
    if (this.#stalled || this.#over) return;
    this.#over = true;
    if (!this.#response.writableEnded) this.#response.end();
  }

  /** Ends, stalled or not. */
  close(): void {
    this.#stalled = false;
    this.end();
  }

  /** Does a fault now. */
  fail(fault: WatchFault): void {
    if (this.#over) return;
    this.#stalled = fault.kind === 'stall';
    switch (fault.kind) {
      case 'kill':
        this.#over = true;
        this.#response.destroy();
        this.onCut();
        break;
      case 'stall':
        break;
      case 'end':
        this.end();
        this.onCut();
        break;
      case 'truncate':
        this.#cutWith('{"type":"MODIFIED","object":{"kind":', fault.how ?? 'reset');
        break;
      case 'gone':
        this.write('ERROR', failureStatus(410, 'too old resource version: 1 (2)', 'Expired'));
        this.close();
        this.onCut();
        break;
    }
  }

  /** Ends a stall. */
  resume(): void {
    if (!this.#stalled) return;
    this.#stalled = false;
    if (this.#ending) this.end();
    else this.onDrain();
  }

  #actIfDue(): void {
    const fault = this.#fault;
    if (fault === undefined || fault.kind === 'truncate' || this.#written !== (fault.afterEvents ?? 0)) return;
    this.fail(fault);
  }

  #cutWith(rest: string, how: 'reset' | 'end'): void {
    this.#over = true;
    // The bytes go out first: what is to be seen is a line without an end.
    if (how === 'end') this.#response.end(rest);
    else this.#response.write(rest, () => this.#response.destroy());
    this.onCut();
  }
}
