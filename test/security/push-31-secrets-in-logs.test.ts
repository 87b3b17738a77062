import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import { inspect } from 'node:util';
import type { Logger } from '../../src/logger/logger.js';
import { EventLog } from '../../src/push/log/event-log.js';
import { longPollHandler } from '../../src/push/longpoll/handler.js';
import { sseHandler } from '../../src/push/sse/index.js';
import { watchHandler } from '../../src/push/index.js';
import { webSocketHandler } from '../../src/push/websocket/index.js';

// reliability.md, row 31: secrets in logs and errors.

const SECRET = 'eyJhbGciOiJub25lIn0-hidden_';
const HEADERS = {
  authorization: `Bearer ${SECRET}1`,
  cookie: `session=${SECRET}2; theme=dark`,
  'proxy-authorization': `Basic ${SECRET}3`,
  'x-api-key': `${SECRET}4`,
  'sec-websocket-protocol': `push.trunkline.dev.v1, base64url.bearer.authorization.k8s.io.${SECRET}5`,
};
const SECRETS = `access_token=${SECRET}6&token=${SECRET}7&t%6fken=${SECRET}8`;

/** Keeps everything that it is told, as deep as it goes. */
class Capture implements Logger {
  readonly lines: string[] = [];

  debug(fields: object, message: string): void {
    this.#keep('debug', fields, message);
  }

  info(fields: object, message: string): void {
    this.#keep('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#keep('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#keep('error', fields, message);
  }

  #keep(level: string, fields: object, message: string): void {
    this.lines.push(
      `${level} ${message} ${inspect(fields, { depth: 10, showHidden: true })} ${JSON.stringify(fields)}`,
    );
  }
}

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

async function ask(port: number, path: string, headers: Readonly<Record<string, string>>): Promise<[number, string]> {
  const call = request({ host: '127.0.0.1', port, path, headers, agent: false });
  call.end();
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return [response.statusCode ?? 0, await text(response)];
}

const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
const key = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };

/** Sends every handler a request with secrets, and gives what was logged and answered. */
async function provoke(
  t: TestContext,
  authorize: () => boolean,
  extra: Readonly<Record<string, string>> = {},
): Promise<{ readonly logger: Capture; readonly statuses: readonly number[]; readonly bodies: readonly string[] }> {
  const logger = new Capture();
  const log = new EventLog();
  const options = { authorize, logger };
  const handlers = { '/events': sseHandler(log, options), '/watch': watchHandler(log, options) };
  const keys = longPollHandler(log, options);
  const server = createServer((req, res) => {
    const path = (req.url ?? '').split('?', 1)[0] ?? '';
    if (path === '/events' || path === '/watch') handlers[path](req, res);
    else keys(req, res);
  });
  server.on('upgrade', webSocketHandler(log, options));
  const port = await listen(t, server);
  const answers = [
    await ask(port, `/events?stream=news&${SECRETS}`, { ...HEADERS, ...extra }),
    await ask(port, `/watch?watch=true&stream=news&${SECRETS}`, { ...HEADERS, ...extra }),
    await ask(port, `/v2/keys/news?wait=true&${SECRETS}`, { ...HEADERS, ...extra }),
    await ask(port, `/?stream=news&${SECRETS}`, { ...HEADERS, ...upgrade, ...key, ...extra }),
  ];
  log.close();
  return { logger, statuses: answers.map(([status]) => status), bodies: answers.map(([, body]) => body) };
}

function assertNoSecret(texts: readonly string[]): void {
  for (const one of texts) assert.ok(!one.includes(SECRET), one);
}

describe('31: secrets in logs and errors', () => {
  it('stay out of what is logged when a hook throws, and of the answers', async (t) => {
    const { logger, statuses, bodies } = await provoke(t, () => {
      throw new Error('the user database is down');
    });
    assert.deepEqual(statuses, [500, 500, 500, 500]);
    assert.equal(logger.lines.length, 4);
    for (const line of logger.lines) {
      // What helps is there.
      assert.match(line, /the user database is down/);
      assert.match(line, /[/=]news\b/);
      assert.match(line, /\[redacted\]/);
    }
    assertNoSecret(logger.lines);
    assertNoSecret(bodies);
    for (const body of bodies) assert.doesNotMatch(body, /user database/);
  });

  it('stay out of what is logged when a request is refused', async (t) => {
    const { logger, statuses, bodies } = await provoke(t, () => false);
    assert.deepEqual(statuses, [403, 403, 403, 403]);
    assert.equal(logger.lines.length, 3, logger.lines.join('\n'));
    assertNoSecret(logger.lines);
    assertNoSecret(bodies);
  });

  it('stay out of what is logged when a page of another origin is refused', async (t) => {
    const { logger, statuses, bodies } = await provoke(t, () => true, { origin: 'https://evil.example' });
    assert.deepEqual(statuses, [403, 403, 403, 403]);
    assert.equal(logger.lines.length, 3, logger.lines.join('\n'));
    for (const line of logger.lines) assert.match(line, /evil\.example/);
    assertNoSecret(logger.lines);
    assertNoSecret(bodies);
  });
});
