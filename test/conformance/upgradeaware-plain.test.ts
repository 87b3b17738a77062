import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, request, type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { describe, it, type TestContext } from 'node:test';
import { gzipSync } from 'node:zlib';
import { UpgradeAwareProxy, type UpgradeAwareProxyOptions } from '../../src/proxy/index.js';
import {
  SWITCHING,
  rawBackend,
  rawClient,
  parseResponse,
  serve,
  settle,
  until,
  upgradeText,
  type Front,
} from '../support/proxy.js';

const PAGE = '<html><head></head><body><a href="/test/path">Hello</a></body></html>';

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A backend that answers with a page and remembers what it was asked. */
async function pageBackend(
  t: TestContext,
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'text/html' },
): Promise<Front & { readonly seen: Seen[] }> {
  const seen: Seen[] = [];
  const backend = await serve(t, {
    handleRequest: (req, res) => {
      void bodyOf(req).then((body) => {
        seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
        res.writeHead(200, headers).end(PAGE);
      });
    },
  });
  return { ...backend, seen };
}

async function bodyOf(message: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of message) body += (chunk as Buffer).toString('latin1');
  return body;
}

async function ask(
  url: string,
  options: RequestOptions = {},
  body?: string,
): Promise<{ readonly res: IncomingMessage; readonly body: string }> {
  const req = request(url, { agent: new Agent(), ...options });
  req.end(body);
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  return { res, body: await bodyOf(res) };
}

/** The proxy in front of `path` of a backend. */
async function front(
  t: TestContext,
  target: string,
  options: Partial<UpgradeAwareProxyOptions> = {},
): Promise<Front & { readonly errors: unknown[] }> {
  const errors: unknown[] = [];
  const proxy = new UpgradeAwareProxy({ target, onError: (error) => errors.push(error), ...options });
  return { ...(await serve(t, proxy)), errors };
}

describe('TestServeHTTP', () => {
  const cases: readonly {
    readonly name: string;
    readonly method: string;
    readonly path: string;
    readonly expected: string;
    readonly query?: string;
    readonly body?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly options?: Partial<UpgradeAwareProxyOptions>;
  }[] = [
    { name: 'root path, simple get', method: 'GET', path: '/', expected: '/' },
    { name: 'simple path, get', method: 'GET', path: '/path/to/test', expected: '/path/to/test' },
    {
      name: 'request params',
      method: 'POST',
      path: '/some/path/',
      query: '?param1=value%2F1&param2=value%252',
      body: 'test request body',
      expected: '/some/path/?param1=value%2F1&param2=value%252',
    },
    {
      name: 'request headers',
      method: 'PUT',
      path: '/some/path',
      expected: '/some/path',
      headers: { Header1: 'value1', Header2: 'value2' },
    },
    { name: 'empty path - slash should be added', method: 'GET', path: '', expected: '/' },
    {
      name: 'append server path to request path',
      method: 'GET',
      path: '/base',
      expected: '/base/base',
      options: { appendLocationPath: true },
    },
    {
      name: 'append server path to request path with ending slash',
      method: 'GET',
      path: '/base/',
      expected: '/base/base/',
      options: { appendLocationPath: true },
    },
    { name: "don't append server path to request path", method: 'GET', path: '/base', expected: '/base' },
  ];
  for (const { name, method, path, query = '', expected, body = '', headers = {}, options } of cases) {
    it(name, async (t) => {
      const backend = await pageBackend(t);
      const proxy = await front(t, `${backend.url}${path}`, options);
      const answer = await ask(`${proxy.url}${path === '' ? '/' : path}${query}`, { method, headers }, body);
      const [seen] = backend.seen;
      assert.deepEqual([seen?.method, seen?.url, seen?.body], [method, expected, body]);
      for (const [header, value] of Object.entries(headers)) assert.equal(seen?.headers[header.toLowerCase()], value);
      assert.equal(seen?.headers.host, `127.0.0.1:${proxy.port}`);
      assert.equal(answer.res.statusCode, 200);
      assert.equal(answer.res.headers['content-type'], 'text/html');
      assert.equal(answer.body, PAGE);
      assert.deepEqual(proxy.errors, []);
    });
  }

  it('no upgrade header sent', async (t) => {
    const proxy = await front(t, 'http://127.0.0.1:1/', { upgradeRequired: true });
    const { res, body } = await ask(`${proxy.url}/`);
    assert.equal(res.statusCode, 400);
    assert.match(body, /Upgrade request required/);
  });

  it('remove CORS headers', async (t) => {
    const backend = await pageBackend(t, {
      Header1: 'value1',
      'Access-Control-Allow-Origin': 'some.server',
      'Access-Control-Allow-Methods': 'GET',
      'Access-Control-Allow-Headers': 'x',
      'Access-Control-Allow-Credentials': 'true',
    });
    const proxy = await front(t, `${backend.url}/some/path`);
    const { res } = await ask(`${proxy.url}/some/path`);
    assert.equal(res.headers['header1'], 'value1');
    assert.deepEqual(
      Object.keys(res.headers).filter((name) => name.startsWith('access-control')),
      [],
    );
  });

  it('use location host', async (t) => {
    const backend = await pageBackend(t);
    const proxy = await front(t, `${backend.url}/some/path`, { useLocationHost: true });
    await ask(`${proxy.url}/some/path`);
    assert.equal(backend.seen[0]?.headers.host, `127.0.0.1:${backend.port}`);
  });

  it('use the location of the request, and the path of the target in front of it', async (t) => {
    const backend = await pageBackend(t);
    const plain = await front(t, backend.url, { useRequestLocation: true });
    await ask(`${plain.url}/api/v1/pods?watch=1`);
    const below = await front(t, `${backend.url}/base/`, { useRequestLocation: true, appendLocationPath: true });
    await ask(`${below.url}/api?x=%20`);
    assert.deepEqual(
      backend.seen.map(({ url }) => url),
      ['/api/v1/pods?watch=1', '/base/api?x=%20'],
    );
    for (const path of ['/../secret', '/a/%2e%2E/secret', '/a/..%2fsecret', '/.']) {
      const client = await rawClient(t, below.port, `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      assert.equal(parseResponse(await client.closed).code, 400, path);
    }
    assert.equal(backend.seen.length, 2);
  });
});

describe('TestProxyRedirectsforRootPath', () => {
  for (const [name, method, location] of [
    ['root path, simple get', 'GET', '/services/x/proxy/?a=b'],
    ['root path, simple head', 'HEAD', '/services/x/proxy/?a=b'],
  ] as const) {
    it(name, async (t) => {
      const backend = await pageBackend(t);
      const proxy = await front(t, backend.url);
      const { res, body } = await ask(`${proxy.url}/services/x/proxy?a=b`, { method });
      assert.equal(res.statusCode, 301);
      assert.equal(res.headers.location, location);
      assert.equal(body, '');
      assert.equal(backend.seen.length, 0);
    });
  }

  for (const [name, method] of [
    ['root path, simple put', 'PUT'],
    ['root path, simple delete with params', 'DELETE'],
  ] as const) {
    it(name, async (t) => {
      const backend = await pageBackend(t);
      const proxy = await front(t, backend.url);
      const { res } = await ask(`${proxy.url}/services/x/proxy?a=b`, { method });
      assert.equal(res.statusCode, 200);
      assert.equal(backend.seen[0]?.url, '/?a=b');
    });
  }

  it('does not redirect to another host', async (t) => {
    const proxy = await front(t, 'http://127.0.0.1:1');
    const client = await rawClient(t, proxy.port, 'GET //evil.test/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.match(await client.closed, /\r\nLocation: \/evil\.test\/x\/\r\n/);
  });
});

describe('TestRejectForwardingRedirectsOption', () => {
  for (const { on, code, redirect, expected } of [
    { on: true, code: 200, redirect: '', expected: 200 },
    { on: true, code: 301, redirect: '/', expected: 502 },
    { on: true, code: 304, redirect: '/', expected: 502 },
    { on: true, code: 304, redirect: '', expected: 304 },
    { on: false, code: 200, redirect: '', expected: 200 },
    { on: false, code: 301, redirect: '/', expected: 301 },
  ]) {
    const name = `${on ? 'enabled' : 'disabled'}, backend sends ${code} ${redirect === '' ? 'without' : 'with'} Location`;
    it(name, async (t) => {
      const backend = await serve(t, {
        handleRequest: (_req, res) => {
          res.writeHead(code, redirect === '' ? {} : { Location: redirect }).end('some data');
        },
      });
      const proxy = await front(t, `${backend.url}/`, { rejectForwardingRedirects: on });
      const { res, body } = await ask(`${proxy.url}/`);
      assert.equal(res.statusCode, expected);
      if (expected === 502) {
        assert.match(body, /the backend attempted to redirect this request, which is not permitted/);
        assert.equal(res.headers.location, undefined);
      } else {
        assert.equal(body, code === 304 ? '' : 'some data');
      }
    });
  }
});

describe('TestProxyRequestContentLengthAndTransferEncoding', () => {
  const data = Buffer.from('abcde');
  const zipped = gzipSync(data);
  const chunks = (bytes: Buffer): Buffer =>
    Buffer.concat(
      [...bytes].map((byte) => Buffer.from([0x31, 0x0d, 0x0a, byte, 0x0d, 0x0a])).concat(Buffer.from('0\r\n\r\n')),
    );
  const cases: readonly {
    readonly name: string;
    readonly fields: string;
    readonly sent: Buffer;
    readonly body: Buffer;
  }[] = [
    { name: 'content-length', fields: 'Content-Length: 5\r\n', sent: data, body: data },
    {
      name: 'content-length + gzip content-encoding',
      fields: `Content-Length: ${zipped.length}\r\nContent-Encoding: gzip\r\n`,
      sent: zipped,
      body: zipped,
    },
    { name: 'chunked transfer-encoding', fields: 'Transfer-Encoding: chunked\r\n', sent: chunks(data), body: data },
    {
      name: 'chunked transfer-encoding + gzip content-encoding',
      fields: 'Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n',
      sent: chunks(zipped),
      body: zipped,
    },
  ];
  for (const { name, fields, sent, body } of cases) {
    it(name, async (t) => {
      const backend = await pageBackend(t);
      const proxy = await front(t, `${backend.url}/`);
      const head = `POST / HTTP/1.1\r\nConnection: close\r\nHost: a\r\n${fields}\r\n`;
      const client = await rawClient(t, proxy.port, Buffer.concat([Buffer.from(head), sent]));
      assert.ok((await client.closed).includes(PAGE));
      const [seen] = backend.seen;
      assert.equal(seen?.body, body.toString('latin1'));
      const chunked = fields.includes('chunked');
      assert.equal(seen?.headers['content-length'], chunked ? undefined : String(body.length));
      assert.equal(seen?.headers['transfer-encoding'], chunked ? 'chunked' : undefined);
      assert.equal(seen?.headers['content-encoding'], fields.includes('gzip') ? 'gzip' : undefined);
    });
  }
});

it('TestFlushIntervalHeaders: header and pieces of the body are passed on at once', async (t) => {
  const pieces: ((piece: string | undefined) => void)[] = [];
  const backend = await serve(t, {
    handleRequest: (_req, res) => {
      res.writeHead(200, { MyHeader: 'hi' }).flushHeaders();
      pieces.push((piece) => void (piece === undefined ? res.end() : res.write(piece)));
    },
  });
  const proxy = await front(t, `${backend.url}/`);
  const req = request(proxy.url).end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  assert.equal(res.headers['myheader'], 'hi');
  let body = '';
  res.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
  for (const piece of ['a', 'b']) {
    pieces[0]?.(piece);
    await until(() => body.endsWith(piece));
  }
  pieces[0]?.(undefined);
  await once(res, 'end');
});

describe('TestErrorPropagation', () => {
  it('a dial error is a 502, and observed', async (t) => {
    const nasty = new Error('nasty error');
    const proxy = await front(t, 'http://backend.test/', { dialer: () => Promise.reject(nasty) });
    const { res, body } = await ask(proxy.url);
    assert.equal(res.statusCode, 502);
    assert.match(body, /nasty error/);
    assert.equal(proxy.errors.length, 1);
  });

  it('an answer that is not HTTP is a 502; one that breaks off is cut', async (t) => {
    const answers = ['SPDY nonsense\r\n\r\n', '', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'];
    const backend = await rawBackend(t, ({ socket }) => socket.end(answers.shift() ?? ''));
    const proxy = await front(t, `${backend.url}/`);
    for (let i = 0; i < 2; i++) assert.equal((await ask(proxy.url)).res.statusCode, 502);
    await assert.rejects(ask(proxy.url), { code: 'ECONNRESET' });
    await until(() => backend.connections.every((connection) => connection.over()));
  });
});

describe('what concerns one connection only', () => {
  it('is stripped both ways, and what Connection names with it', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\n' +
          'Proxy-Authenticate: Basic\r\nUpgrade: h2c\r\nX-End: 1\r\n\r\nok',
      );
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(
      t,
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers, gzip\r\n' +
        'Proxy-Authorization: Basic eA==\r\nProxy-Connection: close\r\nX-End: 1\r\nX-end: 2\r\n\r\n',
    );
    const { head, body } = parseResponse(await client.closed);
    assert.equal(body, 'ok');
    assert.match(head, /^X-End: 1$/m);
    assert.doesNotMatch(head, /X-Hop|Proxy-Authenticate|Upgrade|Keep-Alive: 5/);
    const sent = backend.connections[0]?.text() ?? '';
    assert.match(sent, /^X-End: 1\r\nX-End: 2\r$/m);
    assert.match(sent, /^TE: trailers\r$/m);
    assert.doesNotMatch(sent, /X-Hop|Keep-Alive|Proxy-/i);
  });

  it('X-Forwarded-For grows by the caller; a caller cannot have it dropped', async (t) => {
    const backend = await pageBackend(t);
    const proxy = await front(t, `${backend.url}/`);
    await ask(proxy.url);
    await ask(proxy.url, { headers: { 'X-Forwarded-For': '10.0.0.1, 10.0.0.2, 10.0.0.3' } });
    await ask(proxy.url, { headers: { Connection: 'close, X-Forwarded-For', 'X-Forwarded-For': '1.1.1.1' } });
    assert.deepEqual(
      backend.seen.map(({ headers }) => headers['x-forwarded-for']),
      ['127.0.0.1', '10.0.0.1, 10.0.0.2, 10.0.0.3, 127.0.0.1', '127.0.0.1'],
    );
  });

  it('the proxy has headers of its own, and keeps some from the backend', async (t) => {
    const backend = await pageBackend(t);
    const proxy = await front(t, `${backend.url}/`, {
      headers: () => ({ Authorization: 'Bearer backend' }),
      removeHeaders: ['Cookie'],
    });
    await ask(proxy.url, { headers: { authorization: 'Bearer caller', cookie: 'a=b', accept: 'x/y' } });
    const { headers } = backend.seen[0] ?? {};
    assert.deepEqual([headers?.authorization, headers?.cookie, headers?.accept], ['Bearer backend', undefined, 'x/y']);
  });
});

it('trailers pass both ways', async (t) => {
  let trailers: NodeJS.Dict<string> = {};
  const backend = await serve(t, {
    handleRequest: (req, res) => {
      void bodyOf(req).then(() => {
        ({ trailers } = req);
        res.writeHead(200, { Trailer: 'X-Sum' });
        res.write('body');
        res.addTrailers({ 'X-Sum': '42' });
        res.end();
      });
    },
  });
  const proxy = await front(t, `${backend.url}/`);
  const req = request(proxy.url, { method: 'POST', headers: { 'Transfer-Encoding': 'chunked', Trailer: 'X-Up' } });
  req.write('up');
  req.addTrailers({ 'X-Up': '7' });
  req.end();
  const [res] = (await once(req, 'response')) as [IncomingMessage];
  assert.equal(await bodyOf(res), 'body');
  assert.equal(res.trailers['x-sum'], '42');
  assert.equal(trailers['x-up'], '7');
});

describe('aborts', () => {
  it('a caller that goes takes the connection to the backend with it', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.received('half');
    client.socket.destroy();
    await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
  });

  it('a body that breaks off is not completed towards the backend', async (t) => {
    const backend = await rawBackend(t, () => {});
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(
      t,
      proxy.port,
      'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n',
    );
    await until(() => backend.connections[0]?.behind().includes('ab') === true);
    client.socket.destroy();
    await until(() => backend.connections[0]?.over() === true);
    assert.ok(!backend.connections[0]?.text().includes('0\r\n\r\n'));
  });

  it('a caller that does not read holds the backend up', async (t) => {
    let sent = 0;
    const backend = await serve(t, {
      handleRequest: (_req, res) => {
        const more = (): void => {
          while (sent < 64 * 1024 * 1024) {
            sent += 65_536;
            if (!res.write(Buffer.alloc(65_536))) return void res.once('drain', more);
          }
          res.end();
        };
        res.writeHead(200);
        more();
      },
    });
    const proxy = await front(t, `${backend.url}/`);
    const client = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    client.socket.pause();
    let before = -1;
    while (before !== sent) {
      before = sent;
      await settle();
    }
    assert.ok(sent < 48 * 1024 * 1024, `${sent} bytes were taken`);
    client.socket.destroy();
    await until(() => backend.sockets.size === 0);
  });
});

describe('a backend', () => {
  it('that answers before it has read the body is heard, and the rest of the body thrown away', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.pause();
      socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large');
      setTimeout(() => socket.destroy(), 20);
    });
    const proxy = await front(t, `${backend.url}/`);
    const length = 8 * 1024 * 1024;
    const client = await rawClient(t, proxy.port, `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    client.socket.write(Buffer.alloc(length));
    const { head, body } = parseResponse(await client.received('too large'));
    assert.match(head, /^HTTP\/1\.1 413 /);
    assert.equal(body, 'too large');
    // The connection is good for the next request.
    client.socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await until(() => client.text().split('HTTP/1.1 413').length === 3);
  });

  it('that switches protocols unasked is a 502', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n');
    });
    const proxy = await front(t, `${backend.url}/`);
    assert.equal((await ask(proxy.url)).res.statusCode, 502);
    await until(() => backend.connections[0]?.over() === true);
  });

  it('that sends a header beyond the limit is a 502', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => {
      socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(5000)}\r\nContent-Length: 0\r\n\r\n`);
    });
    const small = await front(t, `${backend.url}/`, { maxResponseHeaderBytes: 4096 });
    assert.equal((await ask(small.url)).res.statusCode, 502);
    const large = await front(t, `${backend.url}/`);
    assert.equal((await ask(large.url)).res.statusCode, 200);
  });
});

describe('the signal', () => {
  it('cuts what is under way, and refuses what comes', async (t) => {
    const backend = await rawBackend(t, ({ socket, text: received }) => {
      const upgrade = received().includes('Upgrade:');
      socket.write(upgrade ? SWITCHING : 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
    });
    const controller = new AbortController();
    const proxy = await front(t, `${backend.url}/`, { signal: controller.signal });
    const upgraded = await rawClient(t, proxy.port, upgradeText());
    await upgraded.received(SWITCHING);
    const plain = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await plain.received('half');
    controller.abort();
    await Promise.all([upgraded.closed, plain.closed]);
    await until(() => proxy.sockets.size === 0 && backend.connections.every((connection) => connection.over()));
    for (const late of [upgradeText(), 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']) {
      const refused = await rawClient(t, proxy.port, late);
      assert.equal(parseResponse(await refused.closed).code, 503);
    }
    assert.equal(backend.connections.length, 2);
  });
});

it('an upgrade that ends up as a plain request is refused', async (t) => {
  const backend = await pageBackend(t);
  const proxy = await front(t, `${backend.url}/`);
  const client = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n\r\n');
  assert.equal(parseResponse(await client.received('\n')).code, 400);
  assert.equal(backend.seen.length, 0);
});

it('hooks decide: no target is 404, a Status is answered, any other fault is 500 without its text', async (t) => {
  const forbidden = { code: 403, message: 'not you' };
  const gone = Object.assign(new Error('gone'), { status: { kind: 'Status', code: 410, message: 'it is gone' } });
  const fault = new Error('secret detail');
  const answers: (() => string | undefined)[] = [
    () => undefined,
    () => {
      throw gone;
    },
    () => {
      throw fault;
    },
  ];
  const errors: unknown[] = [];
  const proxy = await serve(
    t,
    new UpgradeAwareProxy({
      target: () => answers.shift()?.(),
      authorize: (req) => (req.url === '/forbidden' ? forbidden : undefined),
      onError: (error) => {
        errors.push(error);
        throw error;
      },
    }),
  );
  const answer = async (path: string): Promise<readonly [number | undefined, string]> => {
    const { res, body } = await ask(`${proxy.url}${path}`);
    return [res.statusCode, (JSON.parse(body) as { message: string }).message];
  };
  assert.deepEqual(await answer('/forbidden'), [403, 'not you']);
  assert.deepEqual(await answer('/'), [404, 'there is no backend for this request']);
  assert.deepEqual(await answer('/'), [410, 'it is gone']);
  const [code, message] = await answer('/');
  assert.equal(code, 500);
  assert.doesNotMatch(message, /secret/);
  assert.deepEqual(errors, [fault]);
});
