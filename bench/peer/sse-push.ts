import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler } from '../../src/push/sse/index.js';
import { FLOOD_BYTES, STALLED_PATH, type SseServer } from './sse-server.js';

const FLOOD_EVENT_BYTES = 64 * 1024;

/** Ours, with its defaults. A client that stalls follows a second stream besides that of the others. */
export function pushServer(): SseServer {
  const log = new EventLog();
  const handler = sseHandler(log, {
    stream: ({ url }) => (url?.startsWith(STALLED_PATH) === true ? ['bench', 'flood'] : 'bench'),
  });
  let stalled = 0;
  return {
    handler: (req, res) => {
      if (req.url === STALLED_PATH) stalled++;
      handler(req, res);
    },
    broadcast: (data) => {
      for (const one of data) log.publish('bench', one);
      return data.length * (handler.clients - stalled);
    },
    flood: () => {
      if (stalled === 0) return;
      const data = 'x'.repeat(FLOOD_EVENT_BYTES);
      for (let i = 0; i < FLOOD_BYTES / FLOOD_EVENT_BYTES; i++) log.publish('flood', data);
    },
  };
}
