import { BULK, against, down, node, rawBulk, rawDown, webSocketBulk } from './runs.js';
import type { Case, PairRun } from './types.js';

const yamuxInWebSocket = node('yamux in WebSocket', 'yamux-websocket', ...BULK);

/** The same without the native helper that masks; `ws` and Trunkline take it where it is installed. */
function withoutBufferutil(run: PairRun): PairRun {
  return { ...run, name: `${run.name}, no bufferutil`, env: { WS_NO_BUFFER_UTIL: '1' } };
}

/** Target T8. CPU decides, as in all bulk. What a client sends is masked, byte by byte where there is no helper. */
export const WEBSOCKET_CASES: readonly Case[] = [
  {
    name: 'yamux-websocket-up',
    title: 'yamux in WebSocket, 1 stream, 64 KiB writes, client to server, with bufferutil',
    unit: 'bytes',
    run: yamuxInWebSocket,
    references: [against(rawBulk, ['T8', 'cpu', 0.4]), against(webSocketBulk)],
  },
  {
    name: 'yamux-websocket-up-plain',
    title: 'yamux in WebSocket, 1 stream, 64 KiB writes, client to server, without bufferutil',
    unit: 'bytes',
    run: withoutBufferutil(yamuxInWebSocket),
    references: [against(rawBulk), against(withoutBufferutil(webSocketBulk))],
  },
  {
    name: 'yamux-websocket-down',
    title: 'yamux in WebSocket, 1 stream, 64 KiB writes, server to client, with bufferutil',
    unit: 'bytes',
    run: down(yamuxInWebSocket),
    references: [against(rawDown, ['T8', 'cpu', 0.6]), against(down(webSocketBulk))],
  },
  {
    name: 'yamux-websocket-down-plain',
    title: 'yamux in WebSocket, 1 stream, 64 KiB writes, server to client, without bufferutil',
    unit: 'bytes',
    run: down(withoutBufferutil(yamuxInWebSocket)),
    references: [against(rawDown, ['T8', 'cpu', 0.6]), against(down(withoutBufferutil(webSocketBulk)))],
  },
];
