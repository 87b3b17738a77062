import { EXEC_CASES } from './exec.js';
import { MESH_CASES } from './mesh.js';
import { SPDY_CASES } from './spdy.js';
import { SSE_CASES } from './sse.js';
import type { Case } from './types.js';
import { WEBSOCKET_CASES } from './websocket.js';
import { YAMUX_CASES } from './yamux.js';

/** All that `npm run bench` measures. */
export const CASES: readonly Case[] = [
  ...YAMUX_CASES,
  ...WEBSOCKET_CASES,
  ...SPDY_CASES,
  ...EXEC_CASES,
  ...SSE_CASES,
  ...MESH_CASES,
];
