// The preface of docs/wire/yamux.md, as a Go program of under 100 lines speaks it on top of hashicorp/yamux, in both roles.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { before, test } from 'node:test';
import { StreamResetError } from '../../src/errors/index.js';
import type { Connection, NewStreamHandler, Stream } from '../../src/httpstream/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { buildGoPrograms, runGo, startGoServer } from './support/go-programs.js';
import { textOf } from './support/ops.js';

interface Verdict {
  readonly refused: string;
  readonly answer: string;
  readonly err: string;
}

before(buildGoPrograms);

/** As the Go program serves: refuses what asks for it, otherwise echoes behind its `x-name` values. */
function echoNames(connection: () => Connection): NewStreamHandler {
  return async (stream) => {
    const [reason, message] = stream.headers.getAll('refuse');
    if (reason !== undefined) {
      stream.refuse('refused', message ?? '');
      return;
    }
    stream.write(`[${stream.headers.getAll('x-name').join(' ')}]|`);
    if (stream.headers.has('call-back')) {
      const back = connection().openStream({ 'x-name': 'from here' });
      back.end('early');
      stream.write(`${await textOf(back)}|`);
    }
    stream.pipe(stream);
  };
}

test('a Go client: headers, early data, a refusal with its reason, and a stream the other way', async () => {
  const connections: Connection[] = [];
  const server = createServer((socket) => {
    const connection: Connection = newYamuxServerConnection(
      socket,
      echoNames(() => connection),
    );
    connections.push(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { lines, stderr, status } = await runGo<Verdict>('yamuxheaders', [
    'client',
    `127.0.0.1:${(server.address() as AddressInfo).port}`,
  ]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(lines, [
    { refused: '', answer: '[one]|early', err: '' },
    { refused: '', answer: '[one two Grüße ]|early', err: '' },
    { refused: '', answer: '[]|early', err: '' },
    { refused: 'refused: ["refused" "no room today"]', answer: '', err: '' },
    { refused: '', answer: '[]|[from here]|early|early', err: '' },
  ]);
  for (const connection of connections) {
    await connection.closed;
    assert.equal(connection.streams.size, 0);
  }
  server.close();
  await once(server, 'close');
});

test('a Go server: headers, early data, a refusal with its reason, 100 streams at once', async () => {
  const server = await startGoServer('yamuxheaders', ['server']);
  try {
    const [host, port] = server.address.split(':');
    const socket = connect({ host: host ?? '', port: Number(port) });
    await once(socket, 'connect');
    const connection = newYamuxClientConnection(socket);
    const early = (stream: Stream): Promise<string> => {
      stream.end('early');
      return textOf(stream);
    };
    assert.equal(await early(connection.openStream({ 'x-name': 'one' })), '[one]|early');
    assert.equal(
      await early(await connection.createStream({ 'X-Name': ['one', 'two', 'Grüße', ''] })),
      '[one two Grüße ]|early',
    );
    assert.equal(await early(connection.openStream({})), '[]|early');
    const refused = { refuse: ['refused', 'no room today'] };
    for (let i = 0; i < 20; i++) {
      await assert.rejects(connection.createStream(refused), (error) => {
        assert.ok(error instanceof StreamResetError, String(error));
        assert.deepEqual([error.reason, error.initiator], ['refused', 'remote']);
        assert.match(error.message, /no room today/);
        return true;
      });
      await assert.rejects(early(connection.openStream(refused)), /no room today/);
    }
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => await early(connection.openStream({ 'x-name': String(i) }))),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 100 }, (_, i) => `[${i}]|early`),
    );
    assert.equal(connection.streams.size, 0);
    await connection.close();
  } finally {
    const { stderr } = await server.stop();
    assert.doesNotMatch(stderr, /\[ERR\]|msgpack|version/);
  }
});
