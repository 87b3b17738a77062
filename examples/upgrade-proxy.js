// A proxy for kubectl: WebSocket exec becomes SPDY, port-forward tunnels become SPDY, everything else passes as it is.
// Run, beside npm start: node examples/upgrade-proxy.js [address of the API server] [port]
// then: kubectl --server=http://127.0.0.1:8022 exec …
import { createServer } from 'node:http';
import { isTunnelRequest, streamTranslator, streamTunnel, UpgradeAwareProxy } from 'trunkline/proxy';

const [target = 'http://127.0.0.1:8001', port = '8022'] = process.argv.slice(2);
const options = {
  target,
  useRequestLocation: true,
  onError: (error, req) => console.error(`${req.method} ${req.url?.split('?')[0]}: ${error.message}`),
};
const proxy = new UpgradeAwareProxy(options);
const translate = streamTranslator(options);
const tunnel = streamTunnel(options);

const server = createServer(proxy.handleRequest);
server.on('upgrade', (req, socket, head) => (isTunnelRequest(req) ? tunnel : translate)(req, socket, head));
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
