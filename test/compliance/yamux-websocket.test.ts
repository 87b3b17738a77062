import {
  connectionCompliance,
  oneByte,
  randomSlices,
  wholeChunks,
  type ComplianceFactory,
} from '../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { webSocketInMemory, webSocketOverTcp, type BreakableCarrier } from '../support/websocket-carriers.js';

const SEED = 20_261_121;
const YAMUX = { resetReasons: false, streamWindow: 256 * 1024 };

function factory(makeCarrier: () => Promise<BreakableCarrier>): ComplianceFactory {
  return async ({ client, clientHandler, server, serverHandler }) => {
    const carrier = await makeCarrier();
    return {
      client: newYamuxClientConnection(carrier.client, {
        ...client,
        ...(clientHandler === undefined ? {} : { newStreamHandler: clientHandler }),
      }),
      server: newYamuxServerConnection(carrier.server, serverHandler, server),
      cut: carrier.cut,
      vanish: carrier.vanish,
      stop: carrier.stop,
    };
  };
}

connectionCompliance(
  'yamux in WebSocket over TCP',
  factory(() => webSocketOverTcp(() => wholeChunks)),
  YAMUX,
);
connectionCompliance(
  `yamux in WebSocket over TCP, random chunks of seed ${SEED}`,
  factory(() => webSocketOverTcp((side) => randomSlices(SEED + side))),
  YAMUX,
);
connectionCompliance(
  'yamux in WebSocket in memory, byte by byte',
  factory(() => webSocketInMemory(() => oneByte)),
  { ...YAMUX, volume: 1 / 16 },
);
