import { FaultyDuplex, type ComplianceFactory, type Slicer } from '../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import type { Carrier } from './spdy-pairs.js';

/** yamux with headers over a carrier whose bytes are cut by `slicer` in both directions. */
export function yamuxFactory(carrier: () => Promise<Carrier>, slicer: (side: number) => Slicer): ComplianceFactory {
  return async (setup) => {
    const { client, server, stop } = await carrier();
    const left = new FaultyDuplex(client, { slicer: slicer(0) });
    const right = new FaultyDuplex(server, { slicer: slicer(1) });
    const { clientHandler } = setup;
    return {
      client: newYamuxClientConnection(left, {
        ...setup.client,
        ...(clientHandler === undefined ? {} : { newStreamHandler: clientHandler }),
      }),
      server: newYamuxServerConnection(right, setup.serverHandler, setup.server),
      cut: () => {
        left.reset();
        right.reset();
      },
      vanish: () => {
        left.lose();
        right.lose();
      },
      stop,
    };
  };
}
