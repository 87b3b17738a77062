import { connectionCompliance, oneByte, randomSlices, wholeChunks } from '../../src/testing/index.js';
import { memoryCarrier, tcpCarrier } from '../support/spdy-pairs.js';
import { yamuxFactory } from '../support/yamux-pairs.js';

const SEED = 20_261_121;
const YAMUX = { resetReasons: false, streamWindow: 256 * 1024 };

connectionCompliance(
  'yamux in memory',
  yamuxFactory(memoryCarrier, () => wholeChunks),
  YAMUX,
);
connectionCompliance(
  `yamux in memory, random chunks of seed ${SEED}`,
  yamuxFactory(memoryCarrier, (side) => randomSlices(SEED + side)),
  YAMUX,
);
connectionCompliance(
  `yamux over TCP, random chunks of seed ${SEED}`,
  yamuxFactory(tcpCarrier, (side) => randomSlices(SEED + side)),
  YAMUX,
);
connectionCompliance(
  'yamux in memory, byte by byte',
  yamuxFactory(memoryCarrier, () => oneByte),
  { ...YAMUX, volume: 1 / 16 },
);
