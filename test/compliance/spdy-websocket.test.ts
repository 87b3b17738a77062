import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import {
  connectionCompliance,
  oneByte,
  randomSlices,
  wholeChunks,
  type ComplianceFactory,
} from '../../src/testing/index.js';
import { webSocketInMemory, webSocketOverTcp, type BreakableCarrier } from '../support/websocket-carriers.js';

const SEED = 20_261_121;

function factory(makeCarrier: () => Promise<BreakableCarrier>): ComplianceFactory {
  return async ({ client, clientHandler, server, serverHandler }) => {
    const carrier = await makeCarrier();
    return {
      client: newSpdyClientConnection(carrier.client, {
        ...client,
        ...(clientHandler === undefined ? {} : { newStreamHandler: clientHandler }),
      }),
      server: newSpdyServerConnection(carrier.server, serverHandler, server),
      cut: carrier.cut,
      vanish: carrier.vanish,
      stop: carrier.stop,
    };
  };
}

connectionCompliance(
  'SPDY in WebSocket over TCP',
  factory(() => webSocketOverTcp(() => wholeChunks)),
);
connectionCompliance(
  `SPDY in WebSocket over TCP, random chunks of seed ${SEED}`,
  factory(() => webSocketOverTcp((side) => randomSlices(SEED + side))),
);
connectionCompliance(
  'SPDY in WebSocket in memory, byte by byte',
  factory(() => webSocketInMemory(() => oneByte)),
  { volume: 1 / 16 },
);
