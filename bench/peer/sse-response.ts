import type { ServerResponse } from 'node:http';
import { SSE_HEADERS, STALLED_PATH, type SseServer } from './sse-server.js';

/** What one writes by hand: each event to each response. */
export function responseServer(): SseServer {
  const responses = new Set<ServerResponse>();
  let events = 0;
  return {
    handler: (req, res) => {
      if (req.url === STALLED_PATH) throw new Error('plain responses have no bound for clients that stall');
      res.writeHead(200, SSE_HEADERS);
      res.flushHeaders();
      responses.add(res);
      res.on('close', () => responses.delete(res));
    },
    broadcast: (data) => {
      for (const one of data) {
        const event = `id: ${++events}\ndata: ${one}\n\n`;
        for (const response of responses) response.write(event);
      }
      return data.length * responses.size;
    },
    flood: () => {},
  };
}
