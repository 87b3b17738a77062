// Your own server as the pods of a cluster on this machine: pods find one another through its API server, as they would in
// Kubernetes, and a client of any pod gets what is published on any pod. Needs @kubernetes/client-node.
// Run: npx trunkline cluster --pods 3 -- node examples/mesh-cluster.js
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { PodPeerFinder } from 'trunkline/kubernetes';
import { Mesh } from 'trunkline/mesh';
import { EventLog, sseHandler } from 'trunkline/push';

// Where no cluster says otherwise this is a pod of a cluster in which each has an address of its own.
const { POD_NAME, HOST = '0.0.0.0', PORT = 8000, INTERNAL_PORT = 7000 } = process.env;
const log = new EventLog();
const mesh = new Mesh(log, {
  // The label is the name of this file; the port is the one that the pods' containers call "mesh".
  finder: new PodPeerFinder({ labelSelector: 'app=mesh-cluster', portName: 'mesh', onError: console.error }),
  name: POD_NAME,
  host: HOST,
  port: Number(INTERNAL_PORT),
});
const events = sseHandler(log, { stream: 'news' });

const server = createServer(async (req, res) => {
  const path = req.url.split('?', 1)[0];
  if (path === '/events') return events(req, res);
  if (path !== '/publish' || req.method !== 'POST') return res.writeHead(404).end();
  if (req.headers['sec-fetch-site'] === 'cross-site') return res.writeHead(403).end();
  if (!(Number(req.headers['content-length']) <= 65_536)) return res.writeHead(413).end();
  try {
    const { acks } = await mesh.publish('news', { pod: mesh.name, text: await text(req) });
    res.writeHead(200).end(`${acks} pods have it\n`);
  } catch (error) {
    res.writeHead(error.code === 'ERR_POD_NOT_READY' ? 503 : 400).end(`${error.message}\n`);
  }
});

await mesh.start(); // has copied what the other pods hold
console.log(`linked to ${mesh.links.length} pods`);
server.listen(Number(PORT), HOST); // from now on the cluster takes the pod for ready

process.once('SIGTERM', async () => {
  console.log('drained:', await mesh.drain()); // others have all that this pod holds
  server.close();
  log.close(); // clients come back, to another pod
  await mesh.close();
});
