import type { Duplex } from 'node:stream';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import type { ConnectionOptions } from '../../src/mux/options.js';
import { FaultyDuplex, type ComplianceFactory, type Slicer } from '../../src/testing/index.js';
import type { Carrier } from './spdy-pairs.js';

/** The two constructors of an engine. */
export interface Engine {
  readonly client: (duplex: Duplex, options: ConnectionOptions & { newStreamHandler?: NewStreamHandler }) => Connection;
  readonly server: (duplex: Duplex, handler: NewStreamHandler, options: ConnectionOptions) => Connection;
}

/** An engine over a carrier whose bytes are cut by `slicer` in both directions. */
export function engineFactory(
  engine: Engine,
  carrier: () => Promise<Carrier>,
  slicer: (side: number) => Slicer,
): ComplianceFactory {
  return async (setup) => {
    const { client, server, stop } = await carrier();
    const left = new FaultyDuplex(client, { slicer: slicer(0) });
    const right = new FaultyDuplex(server, { slicer: slicer(1) });
    const { clientHandler } = setup;
    return {
      client: engine.client(left, {
        ...setup.client,
        ...(clientHandler === undefined ? {} : { newStreamHandler: clientHandler }),
      }),
      server: engine.server(right, setup.serverHandler, setup.server),
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
