import { connectionCompliance, oneByte, randomSlices, wholeChunks } from '../../src/testing/index.js';
import { memoryCarrier, spdyFactory, tcpCarrier } from '../support/spdy-pairs.js';

const SEED = 20_261_121;

connectionCompliance(
  'SPDY in memory',
  spdyFactory(memoryCarrier, () => wholeChunks),
);
connectionCompliance(
  `SPDY in memory, random chunks of seed ${SEED}`,
  spdyFactory(memoryCarrier, (side) => randomSlices(SEED + side)),
);
connectionCompliance(
  `SPDY over TCP, random chunks of seed ${SEED}`,
  spdyFactory(tcpCarrier, (side) => randomSlices(SEED + side)),
);
connectionCompliance(
  'SPDY in memory, byte by byte',
  spdyFactory(memoryCarrier, () => oneByte),
  { volume: 1 / 16 },
);
