// Opens streams to examples/streams-server.js.
// Run: node examples/streams-client.js [port]
import { text } from 'node:stream/consumers';
import { SpdyRoundTripper } from 'trunkline/spdy';

const { connection, protocol } = await new SpdyRoundTripper().dial({
  url: `http://127.0.0.1:${process.argv[2] ?? 8010}/`,
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
