// Watches streams over gRPC, and resumes where it stopped when the server comes back.
// Run: node examples/push-grpc-client.js [host:port] [stream…]      beside push-grpc-server.js
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { credentials, loadPackageDefinition } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';

const [address = '127.0.0.1:8018', ...streams] = process.argv.slice(2);
const proto = createRequire(import.meta.url).resolve('trunkline/push/watch.proto');
const { Watch } = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, arrays: true })).trunkline.push
  .v1;
const client = new Watch(address, credentials.createInsecure());
// Where we are; empty: from now on.
let cursor = '';

for (let call; ; await sleep(1_000)) {
  call = client.Watch();
  call.write({ create_request: { streams: streams.length > 0 ? streams : ['clock'], cursor } });
  try {
    for await (const { header, created, canceled, cancel_reason: reason, gap, events } of call) {
      if (created) console.log(`watching run ${header.run} from revision ${header.revision}`);
      if (gap) console.log(`events are missing: ${gap.reason}`);
      for (const { stream, revision, data } of events) console.log(`${stream} ${revision}: ${data}`);
      if (canceled) throw new Error(`canceled: ${reason}`);
      cursor = header.cursor || cursor;
    }
  } catch (error) {
    console.log(error.message);
  }
}
