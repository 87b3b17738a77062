// Runs in the browser; bundled by server.js beside it.
import { connectWebSocket } from 'trunkline/websocket';

const show = (id, text) => (document.querySelector(`#${id}`).textContent = text);
const connection = await connectWebSocket('/streams', { newStreamHandler: news });
connection.closed.then(({ kind }) => show('clock', `gone: ${kind}`));

// A stream that the server opens: the handler serves it.
async function news(stream) {
  show('news', await new Response(stream.readable).text());
  await stream.writable.close();
}

// A stream for each question. Closing the writable side is the end of the question; the answer can still come.
document.querySelector('#text').addEventListener('input', async ({ target }) => {
  const { readable, writable } = await connection.createStream({ kind: 'shout' });
  const [answer] = await Promise.all([
    new Response(readable).text(),
    new Blob([target.value]).stream().pipeTo(writable),
  ]);
  show('answer', answer);
});

// A stream that goes on. What is not read is not sent: the server stops when the window is full.
const { readable } = await connection.createStream({ kind: 'clock' });
for await (const text of readable.pipeThrough(new TextDecoderStream())) show('clock', text);
