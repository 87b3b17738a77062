// A pod in a process of its own, which dials the ports that it is given. Whatever it is sent, it publishes, and tells how
// it is.
import { Mesh } from '../../src/mesh/mesh.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from './listed-peers.js';
import { TIMES } from './mesh-pods.js';

const log = new EventLog();
const finder = new ListedPeers();
finder.set(...process.argv.slice(2).map(Number));
const mesh = new Mesh(log, {
  finder,
  name: 'child',
  host: '127.0.0.1',
  port: 0,
  times: { ...TIMES, pingPeriod: 300, pingTimeout: 1_000 },
});
process.on('message', (text: string) => {
  if (text !== '') log.publish('news', text);
  const events = log.history('news').map(({ data }) => data);
  const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
  process.send?.({ port: mesh.port, links: mesh.links.length, sockets, events });
});
process.on('disconnect', () => process.exit());
await mesh.start();
