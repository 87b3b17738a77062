// cri-streaming portforward/httpstream_test.go by the names of its tests, and what its code does beside.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, it } from 'node:test';
import { duplexPair } from '../../src/testing/index.js';
import type { DialPort, PortForwardHandlerOptions } from '../../src/portforward/index.js';
import { forwardInMemory, textOf } from './portforward-support.js';
import { until } from './remotecommand-server.js';

const echo: DialPort = () => new PassThrough();
const REFUSED = { code: 'ERR_STREAM_RESET' };
const refusing: DialPort = ({ port }) => Promise.reject(new Error(`nothing on ${port}`));
const OURS = { errorScope: 'connection' };

describe('TestHTTPStreamReceived', () => {
  const cases: readonly {
    readonly name: string;
    readonly port?: string;
    readonly type?: string;
    readonly ok?: true;
  }[] = [
    { name: 'missing port', type: 'data' },
    { name: 'empty port', port: '', type: 'data' },
    { name: 'unable to parse port', port: 'abc', type: 'data' },
    { name: 'negative port', port: '-1', type: 'data' },
    { name: 'port 0', port: '0', type: 'data' },
    { name: 'port past the last', port: '65536', type: 'data' },
    { name: 'missing stream type', port: '80' },
    { name: 'invalid stream type', port: '80', type: 'foo' },
    { name: 'valid port with error stream', port: '80', type: 'error', ok: true },
    { name: 'valid port with data stream', port: '65535', type: 'data', ok: true },
  ];
  for (const { name, port, type, ok } of cases) {
    it(name, async () => {
      const { client, open } = forwardInMemory(echo);
      if (ok) await open(type, port, '1');
      else await assert.rejects(open(type, port, '1'), REFUSED);
      await client.close();
    });
  }
});

describe('TestGetStreamPair', () => {
  for (const order of [
    ['error', 'data'],
    ['data', 'error'],
  ] as const) {
    it(`${order.join(', then ')}: one connection`, async () => {
      const dialled: number[] = [];
      const { client, open } = forwardInMemory(({ port }) => {
        dialled.push(port);
        return new PassThrough();
      });
      const streams = new Map<string, Awaited<ReturnType<typeof open>>>();
      for (const type of order) streams.set(type, await open(type, '80', 'a'));
      const data = streams.get('data');
      assert.ok(data);
      data.end('hello');
      assert.deepEqual(await textOf(data), { text: 'hello', error: undefined });
      assert.deepEqual(dialled, [80]);
      await client.close();
    });
  }

  it('a pair that stays incomplete for 30 s: text on its error stream, then forgotten', async () => {
    const { client, clock, open } = forwardInMemory(echo);
    const error = await open('error', '80', '7');
    const said = textOf(error);
    error.end();
    await clock.advance(29_999);
    assert.equal(error.readableEnded, false);
    await clock.advance(1);
    assert.deepEqual(await said, { text: 'request 7: timed out waiting for streams', error: undefined });
    // The id can be used again.
    await open('error', '80', '7');
    await client.close();
  });

  it('a data stream without its error stream is reset after 30 s', async () => {
    const { client, clock, open } = forwardInMemory(echo);
    const data = await open('data', '80', '7');
    await clock.advance(30_000);
    const { error } = await textOf(data);
    assert.equal((error as NodeJS.ErrnoException).code, 'ERR_STREAM_RESET');
    await client.close();
  });

  it('a stream that its client resets is forgotten', async () => {
    const { client, server, open } = forwardInMemory(echo);
    const error = await open('error', '80', '7');
    error.reset();
    await until(() => server.streams.size === 0);
    await open('error', '80', '7');
    await client.close();
  });

  for (const type of ['error', 'data'] as const) {
    it(`a second ${type} stream for the same request is refused, with text`, async () => {
      const { client, open } = forwardInMemory(echo);
      const first = await open(type, '80', '7');
      const said = type === 'error' ? textOf(first) : undefined;
      if (type === 'error') first.end();
      await assert.rejects(open(type, '80', '7'), REFUSED);
      if (said !== undefined) {
        const text = 'error processing stream for request 7: error stream already assigned';
        assert.equal((await said).text, text);
      }
      await client.close();
    });
  }
});

describe('TestRequestID', () => {
  it('streams without an id belong together when they were opened one after the other', async () => {
    const dialled: number[] = [];
    const { client, open } = forwardInMemory(({ port }) => {
      dialled.push(port);
      return new PassThrough();
    });
    for (const port of ['80', '81']) {
      await open('error', port);
      const data = await open('data', port);
      data.end(port);
      assert.equal((await textOf(data)).text, port);
    }
    assert.deepEqual(dialled, [80, 81]);
    await client.close();
  });
});

describe('one forwarded connection', () => {
  it('the end of the client reaches the pod, which can go on sending', async () => {
    const [ours, pod] = duplexPair();
    const { client, open } = forwardInMemory(() => ours);
    const error = await open('error', '80', '1');
    const data = await open('data', '80', '1');
    const said = textOf(error);
    error.end();
    data.end('question');
    assert.equal((await textOf(pod)).text, 'question');
    const answer = textOf(data);
    pod.end('answer');
    assert.deepEqual(await answer, { text: 'answer', error: undefined });
    assert.deepEqual(await said, { text: '', error: undefined });
    await client.close();
  });

  it('the end of the pod reaches the client, which can go on sending', async () => {
    const [ours, pod] = duplexPair();
    const { client, open } = forwardInMemory(() => ours);
    const error = await open('error', '80', '1');
    const said = textOf(error);
    error.end();
    const data = await open('data', '80', '1');
    pod.end('greeting');
    assert.deepEqual(await textOf(data), { text: 'greeting', error: undefined });
    assert.equal(error.readableEnded, false, 'the server is not done');
    data.end('late');
    assert.equal((await textOf(pod)).text, 'late');
    assert.equal((await said).text, '');
    await client.close();
  });

  it('a client that resets its stream takes the connection to the pod with it', async () => {
    const [ours, pod] = duplexPair();
    const errors: unknown[] = [];
    const { client, open } = forwardInMemory(() => ours, { onError: (error) => errors.push(error) });
    const error = await open('error', '80', '1');
    const said = textOf(error);
    error.end();
    const data = await open('data', '80', '1');
    pod.resume().on('error', () => {});
    data.reset();
    await until(() => ours.destroyed);
    assert.deepEqual(await said, { text: '', error: undefined });
    assert.deepEqual(errors, []);
    await client.close();
  });

  it('a connection that is lost takes all connections to the pod with it', async () => {
    const pods: PassThrough[] = [];
    const { client, server, open } = forwardInMemory(() => {
      const pod = new PassThrough();
      pods.push(pod);
      return pod;
    });
    for (const id of ['1', '2', '3']) {
      await open('error', '80', id);
      await open('data', '80', id);
    }
    await client.close();
    await server.closed;
    await until(() => pods.length === 3 && pods.every((pod) => pod.destroyed));
  });
});

describe('a connection that fails', () => {
  const modes: readonly [string, PortForwardHandlerOptions, Record<string, string>, boolean][] = [
    ['a client like kubectl is told by a refused data stream, and nothing else', {}, {}, false],
    ['a client that takes text as the end of one connection gets the text', {}, OURS, true],
    ['with errorText always, everyone gets the text', { errorText: 'always' }, {}, true],
  ];
  for (const [name, options, headers, tells] of modes) {
    it(name, async () => {
      const told: unknown[] = [];
      const { client, open } = forwardInMemory(refusing, { ...options, onError: (error) => told.push(error) });
      const error = await open('error', '81', '1', headers);
      const said = textOf(error);
      error.end();
      const data = open('data', '81', '1');
      if (options.errorText === 'always') {
        // As the original: accepted at once, then reset.
        const ended = await textOf(await data);
        assert.equal((ended.error as NodeJS.ErrnoException).code, 'ERR_STREAM_RESET');
      } else {
        await assert.rejects(data, REFUSED);
      }
      assert.deepEqual(await said, {
        text: tells ? 'error forwarding port 81: nothing on 81' : '',
        error: undefined,
      });
      assert.deepEqual(
        told.map((one) => (one as Error).message),
        ['nothing on 81'],
      );
      await client.close();
    });
  }

  it('while it is under way is reset, so that it does not look complete', async () => {
    const [ours, pod] = duplexPair();
    const { client, open } = forwardInMemory(() => ours);
    const error = await open('error', '80', '1', OURS);
    const said = textOf(error);
    error.end();
    const data = await open('data', '80', '1');
    pod.on('error', () => {}).write('some');
    await new Promise((resolve) => data.once('readable', resolve));
    pod.resetConnection();
    const ended = await textOf(data);
    assert.equal(ended.text, 'some');
    assert.equal((ended.error as NodeJS.ErrnoException).code, 'ERR_STREAM_RESET');
    assert.deepEqual(await said, { text: 'error forwarding port 80: read ECONNRESET', error: undefined });
    await client.close();
  });

  it('for a port that is not allowed: never dialled', async () => {
    let dials = 0;
    const dial: DialPort = () => {
      dials++;
      return new PassThrough();
    };
    const { client, open } = forwardInMemory(dial, { ports: [80] });
    const error = await open('error', '22', '1', OURS);
    const said = textOf(error);
    error.end();
    await assert.rejects(open('data', '22', '1'), REFUSED);
    assert.equal((await said).text, 'error forwarding port 22: port 22 may not be forwarded');
    assert.equal(dials, 0);
    await open('error', '80', '2');
    await open('data', '80', '2');
    assert.equal(dials, 1);
    await client.close();
  });

  it('beyond maxConnections: the others go on, and when one has ended there is room', async () => {
    const { client, open } = forwardInMemory(echo, { maxConnections: 2 });
    const connect = async (id: string): Promise<Awaited<ReturnType<typeof open>>> => {
      (await open('error', '80', id)).end();
      return await open('data', '80', id);
    };
    const first = await connect('1');
    const second = await connect('2');
    await assert.rejects(connect('3'), REFUSED);
    second.end('x');
    assert.equal((await textOf(second)).text, 'x');
    await connect('4');
    first.end('y');
    assert.equal((await textOf(first)).text, 'y');
    await client.close();
  });

  it('because the dial takes too long: given up, and what comes late is destroyed', async () => {
    const late = new PassThrough();
    let arrive: (value: PassThrough) => void = () => {};
    let signal: AbortSignal | undefined;
    const { client, clock, open } = forwardInMemory((dial) => {
      signal = dial.signal;
      return new Promise((resolve) => (arrive = resolve));
    });
    const error = await open('error', '80', '1', OURS);
    const said = textOf(error);
    error.end();
    const data = open('data', '80', '1');
    data.catch(() => {});
    await until(() => signal !== undefined);
    await clock.advance(20_000);
    await assert.rejects(data, REFUSED);
    assert.match((await said).text, /no connection to port 80 within 20000 ms/);
    assert.equal(signal?.aborted, true);
    arrive(late);
    await until(() => late.destroyed);
    await client.close();
  });

  it('because the pod does not read: reset, and the others go on', async () => {
    const [stuck] = duplexPair();
    const { client, clock, open } = forwardInMemory(({ port }) => (port === 1 ? stuck : new PassThrough()), {
      stallTimeout: 5_000,
    });
    const error = await open('error', '1', '1', OURS);
    const said = textOf(error);
    error.end();
    const data = await open('data', '1', '1');
    // More than all buffers on the way hold; what does not fit keeps everyone waiting.
    data.write(Buffer.alloc(4 * 1024 * 1024));
    const others = Promise.all([open('error', '80', '2'), open('data', '80', '2')]);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(5_000);
    const [, good] = await others;
    good.end('through');
    assert.equal((await textOf(good)).text, 'through');
    assert.equal((await said).text, 'error forwarding port 1: the pod read nothing for 5000 ms');
    assert.equal(data.destroyed, true);
    await client.close();
  });
});
