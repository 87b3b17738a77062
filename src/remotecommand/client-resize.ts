import type { Writable } from 'node:stream';
import type { AttachOptions, TerminalSizeSource } from './client-types.js';
import type { InputCopy } from './client-input.js';
import { deferred } from './deferred.js';
import { encodeSize } from './resize-codec.js';
import type { TerminalSize } from './types.js';

/** Sends the sizes of the caller's terminal. The stream is left open: its end would mean nothing to a server. */
export function sendResizes(sizes: NonNullable<AttachOptions['resizes']>, remote: Writable): InputCopy {
  remote.on('error', () => {});
  const send = (size: TerminalSize): void => {
    const line = encodeSize(size);
    if (remote.writable) remote.write(line);
  };
  return Symbol.asyncIterator in sizes ? fromIterable(sizes, send) : fromTerminal(sizes, send);
}

function fromTerminal(terminal: TerminalSizeSource, send: (size: TerminalSize) => void): InputCopy {
  const changed = (): void => {
    const { columns, rows } = terminal;
    // A terminal that does not know its size (yet) has none to tell.
    if (isSide(columns) && isSide(rows)) send({ width: columns, height: rows });
  };
  changed();
  terminal.on('resize', changed);
  return { failed: new Promise(() => {}), release: () => void terminal.off('resize', changed) };
}

function isSide(value: number | undefined): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 0xffff;
}

function fromIterable(sizes: AsyncIterable<TerminalSize>, send: (size: TerminalSize) => void): InputCopy {
  const iterator = sizes[Symbol.asyncIterator]();
  const failed = deferred<never>();
  let released = false;
  const copy = async (): Promise<void> => {
    for (;;) {
      const next = await iterator.next();
      if (released || next.done === true) return;
      send(next.value);
    }
  };
  copy().catch(failed.reject);
  const release = (): void => {
    if (released) return;
    released = true;
    // Not awaited: an iterator that waits for a resize answers only then.
    void Promise.resolve(iterator.return?.()).catch(() => {});
  };
  return { failed: failed.promise, release };
}
