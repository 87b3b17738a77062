import { BULK, against, down, node, rawDown, webSocketBulk } from './runs.js';
import { goSpdyBulk, spdyBulk } from './spdy.js';
import type { Case } from './types.js';

/** Target T9. CPU decides, as in all bulk. */
export const EXEC_CASES: readonly Case[] = [
  {
    name: 'exec-websocket',
    title: 'exec stdout over WebSocket v5, 64 KiB writes, our server to our client',
    unit: 'bytes',
    run: down(node('exec over WebSocket', 'exec-websocket', ...BULK)),
    references: [against(down(webSocketBulk), ['T9', 'cpu', 0.8]), against(rawDown), against(down(goSpdyBulk))],
  },
  {
    name: 'exec-spdy',
    title: 'exec stdout over SPDY, 64 KiB writes, our server to our client',
    unit: 'bytes',
    run: down(node('exec over SPDY', 'exec-spdy', ...BULK)),
    references: [against(down(spdyBulk), ['T9', 'cpu', 0.8]), against(rawDown), against(down(goSpdyBulk))],
  },
];
