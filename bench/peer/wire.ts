import type { AddressInfo, Server } from 'node:net';
import type { PeerOptions } from './options.js';
import type { Tally } from './tally.js';

/** One way of getting bytes from process to process. */
export interface Wire {
  /** Listens and serves until the process ends; calls `connected` for each connection. Resolves with the address. */
  serve(options: PeerOptions, tally: Tally, connected: () => void): Promise<string>;
  /** Connects, opens the streams, and resolves when they are busy; keeps them so until the process ends. */
  connect(options: PeerOptions, tally: Tally): Promise<void>;
}

/** Lets `server` listen on a free port of the loopback address. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { address, port } = server.address() as AddressInfo;
  return `${address}:${port}`;
}

/** Runs `exchange` over and over, `workers` at a time. A failure ends the process. */
export function repeat(workers: number, tally: Tally, exchange: () => Promise<void>): void {
  const work = async (): Promise<void> => {
    for (;;) {
      await exchange();
      tally.bytes++;
      tally.ops++;
    }
  };
  for (let i = 0; i < workers; i++) void work();
}

/** For a client whose connection is to last as long as its process. */
export function endedEarly(error: Error | undefined): never {
  throw new Error('the connection ended before the window did', { cause: error });
}
