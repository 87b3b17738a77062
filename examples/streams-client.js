// Opens streams to examples/streams-server.js.
// Run: node examples/streams-client.js [port] [yamux|websocket|spdy]
import { text } from 'node:stream/consumers';
import { dialFirst } from 'trunkline';
import { SpdyRoundTripper } from 'trunkline/spdy';
import { WebSocketRoundTripper } from 'trunkline/websocket';
import { YamuxRoundTripper } from 'trunkline/yamux';

const [port = '8010', engine] = process.argv.slice(2);
const engines = {
  yamux: new YamuxRoundTripper(),
  websocket: new WebSocketRoundTripper(),
  spdy: new SpdyRoundTripper(),
};
// The first that the way to the server lets through; or the one that was asked for.
const { connection, protocol } = await dialFirst(engine === undefined ? Object.values(engines) : [engines[engine]], {
  url: `http://127.0.0.1:${port}/`,
  protocols: ['shout.example'],
});
console.log(`upgraded, protocol ${protocol}, round trip ${(await connection.ping()).toFixed(2)} ms`);

const names = ['ada', 'grace', 'barbara'];
const answers = await Promise.all(
  names.map(async (name) => {
    const stream = await connection.createStream({ kind: 'text', name });
    stream.end(`hello from ${name}`);
    return await text(stream);
  }),
);
console.log(answers.join('\n'));

await connection.createStream({ kind: 'image' }).catch((error) => console.log(`refused: ${error.message}`));
await connection.close();
