import { connectionCompliance, oneByte, randomSlices, wholeChunks } from '../../src/testing/index.js';
import { memoryCarrier, tcpCarrier } from '../support/spdy-pairs.js';
import { yamuxFactory } from '../support/yamux-pairs.js';

const SEED = 20_261_121;

connectionCompliance(
  'yamux in memory',
  yamuxFactory(memoryCarrier, () => wholeChunks),
);
connectionCompliance(
  `yamux in memory, random chunks of seed ${SEED}`,
  yamuxFactory(memoryCarrier, (side) => randomSlices(SEED + side)),
);
connectionCompliance(
  `yamux over TCP, random chunks of seed ${SEED}`,
  yamuxFactory(tcpCarrier, (side) => randomSlices(SEED + side)),
);
connectionCompliance(
  'yamux in memory, byte by byte',
  yamuxFactory(memoryCarrier, () => oneByte),
  { volume: 1 / 16 },
);
