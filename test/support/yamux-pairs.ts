import type { ComplianceFactory, Slicer } from '../../src/testing/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { engineFactory } from './engine-pairs.js';
import type { Carrier } from './spdy-pairs.js';

/** yamux with headers over a carrier whose bytes are cut by `slicer` in both directions. */
export function yamuxFactory(carrier: () => Promise<Carrier>, slicer: (side: number) => Slicer): ComplianceFactory {
  return engineFactory({ client: newYamuxClientConnection, server: newYamuxServerConnection }, carrier, slicer);
}
