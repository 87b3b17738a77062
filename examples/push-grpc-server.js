// An event log over gRPC, in the manner of etcd v3: a tick each second on the stream "clock".
// Run: node examples/push-grpc-server.js [port]      then: node examples/push-grpc-client.js 127.0.0.1:8018 clock
// Or in any language, from the package's file watch.proto (import path trunkline/push/watch.proto), for example:
//   grpcurl -plaintext -proto src/push/grpc/watch.proto -d '{"create_request":{"streams":["clock"]}}' \
//     127.0.0.1:8018 trunkline.push.v1.Watch/Watch
import { promisify } from 'node:util';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { EventLog, grpcWatchService } from 'trunkline/push';

const log = new EventLog();
const { definition, implementation } = grpcWatchService(log);
const server = new Server({ 'grpc.keepalive_time_ms': 30_000 }); // finds connections that are dead
server.addService(definition, implementation);

const ticks = setInterval(() => log.publish('clock', { now: new Date() }, { type: 'tick' }), 1_000);

const address = `127.0.0.1:${process.argv[2] ?? process.env.PORT ?? 8018}`;
const port = await promisify(server.bindAsync.bind(server))(address, ServerCredentials.createInsecure());
console.log(`listening on 127.0.0.1:${port}`);

process.once('SIGINT', () => {
  clearInterval(ticks);
  log.close(); // ends the calls with UNAVAILABLE: clients connect again and resume
  server.tryShutdown(() => {});
});
