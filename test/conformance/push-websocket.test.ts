// docs/wire/push-websocket.md, rule by rule.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '../../src/testing/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { clientFrame, dataOf, PushClient, rawPush, servePush, type Message } from '../support/push-websocket.js';
import { readServerMessages } from '../support/ws-receiver.js';

const SMALL = { history: { events: 2, bytes: 1_000_000, age: 300_000 } };

describe('opening', { timeout: 20_000 }, () => {
  it('chooses the subprotocol, and none when none is offered', async () => {
    await using server = await servePush();
    using client = await new PushClient(server.host, '?stream=a').opened();
    assert.equal(client.socket.protocol, 'push.trunkline.dev.v1');
    assert.equal(client.socket.extensions, '');
    using plain = await new PushClient(server.host, '?stream=a', []).opened();
    assert.equal(plain.socket.protocol, '');
    for (const one of [client, plain]) assert.equal((await one.messages.next()).type, 'subscribed');
    server.log.publish('a', 'for both');
    assert.deepEqual([(await client.event()).data, (await plain.event()).data], ['for both', 'for both']);
    assert.equal(server.handler.clients, 2);
  });

  it('is refused with a status for what cannot be served', async () => {
    await using server = await servePush();
    const refused: [string, string[], number, RegExp][] = [
      ['?stream=', [], 400, /not empty/],
      ['?stream=a*', [], 400, /patterns/],
      ['?stream=a&cursor=nonsense', [], 400, /cursor/],
      ['?stream=a&credit=-1', [], 400, /credit/],
      ['?stream=a', ['soap'], 403, /push\.trunkline\.dev\.v1/],
    ];
    for (const [query, protocols, status, reason] of refused) {
      using client = new PushClient(server.host, query, protocols);
      const [code, text] = await client.closed;
      assert.equal(code, status, query);
      assert.match(text, reason);
    }
    assert.deepEqual(server.log.subscribers(), []);
    server.log.close();
    using late = new PushClient(server.host, '?stream=a');
    assert.equal((await late.closed)[0], 503);
  });

  it('is served with the bytes that came behind the request', async () => {
    await using server = await servePush();
    const socket = rawPush(server.port, '/', clientFrame(1, '{"type":"subscribe","stream":"b"}'));
    let bytes = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
    while (!bytes.includes('subscribed')) await turn();
    const [answer] = readServerMessages(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4)) as Message[];
    assert.deepEqual([answer?.type, answer?.streams], ['subscribed', ['b']]);
    socket.destroy();
  });
});

describe('over TLS', { timeout: 20_000 }, () => {
  it('all is the same, for one who does not read too', async () => {
    const secure = createServer({ cert: SERVER_CERT, key: SERVER_KEY });
    await using server = await servePush({}, { history: { events: 2_000, bytes: 2 ** 26, age: 300_000 } }, secure);
    using client = new PushClient(server.host, '?stream=a', undefined, { ca: CA });
    using slow = new PushClient(server.host, '?stream=a', undefined, { ca: CA });
    await client.messages.next();
    await slow.messages.next();
    slow.socket.pause();
    const COUNT = 300;
    const text = 'x'.repeat(64 * 1024);
    for (let n = 0; n < COUNT; n++) {
      server.log.publish('a', `${n} ${text}`);
      assert.equal(parseInt((await client.event()).data ?? '', 10), n);
    }
    assert.ok(server.log.subscribers().some(({ lag }) => lag > 10));
    slow.socket.resume();
    for (let n = 0; n < COUNT; n++) assert.equal(parseInt((await slow.event()).data ?? '', 10), n);
  });
});

describe('following', { timeout: 20_000 }, () => {
  it('begins with the position, and gives events with theirs', async () => {
    await using server = await servePush();
    server.log.publish('a', 'before');
    using client = new PushClient(server.host, '?stream=a&stream=b');
    const first = await client.messages.next();
    assert.deepEqual(first, { type: 'subscribed', streams: ['a', 'b'], cursor: server.log.cursor(['a', 'b']) });
    server.log.publish('b', { n: 1 }, { type: 'count' });
    assert.deepEqual(await client.messages.next(), {
      type: 'event',
      stream: 'b',
      event: 'count',
      data: '{"n":1}',
      cursor: server.log.cursor(['a', 'b']),
    });
  });

  it('resumes by the query from any position, with no loss and no repeat', async () => {
    await using server = await servePush();
    using client = new PushClient(server.host, '?stream=a');
    const { cursor: start } = await client.messages.next();
    for (const text of ['1', '2', '3']) server.log.publish('a', text);
    const events = [await client.event(), await client.event(), await client.event()];
    for (const [i, cursor] of [start, ...events.map((event) => event.cursor)].entries()) {
      using again = new PushClient(server.host, `?stream=a&cursor=${cursor}`);
      assert.equal((await again.messages.next()).cursor, cursor);
      server.log.publish('a', `next ${i}`);
      await again.messages.find(({ data }) => data === `next ${i}`);
      const older = Array.from({ length: i }, (_, k) => `next ${k}`);
      assert.deepEqual(dataOf(again.messages.all), [...['1', '2', '3'].slice(i), ...older, `next ${i}`]);
    }
  });

  it('tells of a gap and goes on', async () => {
    await using server = await servePush({}, SMALL);
    const { cursor } = { cursor: server.log.cursor('a') };
    for (const text of ['1', '2', '3', '4']) server.log.publish('a', text);
    using client = new PushClient(server.host, `?stream=a&cursor=${cursor}`);
    await client.messages.next();
    const gap = await client.messages.next();
    assert.deepEqual([gap.type, gap.reason, gap.streams], ['gap', 'expired', ['a']]);
    assert.deepEqual(gap.missing?.[0]?.origin, server.log.origin);
    assert.deepEqual([(await client.messages.next()).data, (await client.messages.next()).data], ['3', '4']);
    // The gap is told once: its cursor is behind it.
    using again = new PushClient(server.host, `?stream=a&cursor=${gap.cursor}`);
    await again.messages.next();
    assert.deepEqual([(await again.messages.next()).data, (await again.messages.next()).data], ['3', '4']);
  });

  it('tells of events of another pod that are lost, where they would have been', async () => {
    await using server = await servePush();
    using client = await new PushClient(server.host, '?stream=a').opened();
    client.say({ type: 'subscribe', id: 'i', stream: 'a' });
    await client.messages.find(({ id }) => id === 'i');
    const remote = { origin: 'remote00', stream: 'a', type: 'message', age: 0 };
    server.log.append({ ...remote, n: 1, data: '1' });
    server.log.appendLoss('remote00', 3);
    server.log.append({ ...remote, n: 4, data: '4' });
    const got: Message[] = [];
    while (got.length < 6) got.push(await client.messages.next());
    for (const id of [undefined, 'i']) {
      const own = got.filter((message) => message.id === id);
      assert.deepEqual(
        own.map(({ type, data, reason }) => [type, data ?? reason]),
        [
          ['event', '1'],
          ['gap', 'lost'],
          ['event', '4'],
        ],
      );
      assert.deepEqual(own[1]?.missing, [{ origin: 'remote00', after: 1, through: 3 }]);
    }
  });

  it('begins before the oldest event where the server says so', async () => {
    await using server = await servePush({ start: 'start' });
    server.log.publish('a', 'kept');
    using client = new PushClient(server.host, '?stream=a');
    assert.equal((await client.event()).data, 'kept');
  });

  it('of fixed streams leaves clients nothing to choose', async () => {
    await using server = await servePush({ stream: (req) => (req.url === '/one' ? 'one' : ['x*']) });
    using one = new PushClient(server.host, 'one');
    assert.deepEqual((await one.messages.next()).streams, ['one']);
    using other = new PushClient(server.host, '?stream=secret');
    assert.deepEqual((await other.messages.next()).streams, ['x*']);
    other.say({ type: 'subscribe', id: 's', stream: 'secret' });
    const { type, code, id } = await other.messages.next();
    assert.deepEqual([type, code, id], ['error', 'ERR_FORBIDDEN', 's']);
  });
});

describe('subscriptions by message', { timeout: 20_000 }, () => {
  it('share a socket, each with its id', async () => {
    await using server = await servePush({ wildcards: true });
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', streams: ['a'] });
    client.say({ type: 'subscribe', id: 'b', streams: ['b'] });
    client.say({ type: 'subscribe', id: 'all', stream: '*' });
    const answers = [await client.messages.next(), await client.messages.next(), await client.messages.next()];
    assert.deepEqual(
      answers.map(({ type, id, streams }) => [type, id, streams]),
      [
        ['subscribed', undefined, ['a']],
        ['subscribed', 'b', ['b']],
        ['subscribed', 'all', ['*']],
      ],
    );
    for (const [stream, text] of [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
      ['b', '4'],
    ] as const)
      server.log.publish(stream, text);
    await client.messages.find(({ id, data }) => id === 'all' && data === '4');
    server.log.publish('a', '5');
    await client.messages.find(({ id, data }) => id === 'all' && data === '5');
    client.say({ type: 'unsubscribe', id: 'all' });
    const left = await client.messages.find(({ type }) => type === 'unsubscribed');
    assert.deepEqual([left.id, left.reason], ['all', 'left']);
    server.log.publish('b', '6');
    await client.messages.find(({ data }) => data === '6');
    assert.deepEqual(dataOf(client.messages.all), ['1', '5']);
    assert.deepEqual(dataOf(client.messages.all, 'b'), ['2', '4', '6']);
    assert.deepEqual(dataOf(client.messages.all, 'all'), ['1', '2', '3', '4', '5']);
    // The id is free, and the position still good.
    client.say({ type: 'subscribe', id: 'all', stream: '*', cursor: left.cursor });
    assert.equal((await client.event()).data, '6');
    assert.equal(server.log.subscribers().length, 3);
  });

  it('are refused by an error that leaves the socket open', async () => {
    await using server = await servePush({ maxSubscriptions: 2 });
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', id: 'a', stream: 'a' });
    await client.messages.next();
    const refused: [object, string][] = [
      [{ type: 'subscribe', id: 'a', stream: 'b' }, 'ERR_DUPLICATE_ID'],
      [{ type: 'subscribe', id: 'b', stream: 'b*' }, 'ERR_INVALID_ARGUMENT'],
      [{ type: 'subscribe', id: 'b', streams: [] }, 'ERR_INVALID_ARGUMENT'],
      [{ type: 'subscribe', id: 'b', stream: 'b', cursor: '?' }, 'ERR_INVALID_CURSOR'],
      [{ type: 'unsubscribe', id: 'b' }, 'ERR_NO_SUBSCRIPTION'],
      [{ type: 'credit', id: 'b', items: 1 }, 'ERR_NO_SUBSCRIPTION'],
      [{ type: 'credit', id: 'a', items: 1 }, 'ERR_NO_CREDIT'],
    ];
    for (const [message, code] of refused) {
      client.say(message);
      const answer = await client.messages.next();
      assert.deepEqual([answer.type, answer.code], ['error', code], JSON.stringify(message));
      assert.equal(answer.id, Reflect.get(message, 'id'));
    }
    client.say({ type: 'subscribe', stream: 'b' });
    assert.equal((await client.messages.next()).type, 'subscribed');
    client.say({ type: 'subscribe', id: 'c', stream: 'b' });
    assert.equal((await client.messages.next()).code, 'ERR_LIMIT_EXCEEDED');
    server.log.publish('a', 'still');
    assert.equal((await client.event()).data, 'still');
  });

  it('ask again whether they may, and wait for the answer in their order', async () => {
    const asked: (readonly string[])[] = [];
    await using server = await servePush({
      authorize: async (_, streams) => {
        asked.push(streams);
        await turn();
        return !streams.includes('secret');
      },
    });
    using client = await new PushClient(server.host).opened();
    for (const [id, stream] of [
      ['1', 'secret'],
      ['2', 'open'],
      ['3', 'secret'],
      ['4', 'open'],
    ]) {
      client.say({ type: 'subscribe', id, stream });
    }
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) {
      const { id, type } = await client.messages.next();
      answers.push(`${id} ${type}`);
    }
    assert.deepEqual(answers, ['1 error', '2 subscribed', '3 error', '4 subscribed']);
    assert.deepEqual(asked, [[], ['secret'], ['open'], ['secret'], ['open']]);
  });
});

describe('credit', { timeout: 20_000 }, () => {
  it('is never exceeded, and a grant brings what is due', async () => {
    await using server = await servePush();
    using client = new PushClient(server.host, '?stream=a&credit=2');
    await client.messages.next();
    for (let n = 1; n <= 7; n++) server.log.publish('a', String(n));
    await client.event();
    await client.event();
    client.say({ type: 'subscribe', id: 'fence', stream: 'x' });
    assert.equal((await client.messages.next()).type, 'subscribed');
    assert.deepEqual(dataOf(client.messages.all), ['1', '2']);
    client.say({ type: 'credit', items: 3 });
    for (let i = 0; i < 3; i++) await client.event();
    client.say({ type: 'unsubscribe', id: 'fence' });
    assert.equal((await client.messages.next()).type, 'unsubscribed');
    assert.deepEqual(dataOf(client.messages.all), ['1', '2', '3', '4', '5']);
    client.say({ type: 'credit', items: 100 });
    await client.event();
    await client.event();
    server.log.publish('a', '8');
    assert.equal((await client.event()).data, '8');
  });

  it('of nothing lets nothing through until there is some; who is overtaken meanwhile is told', async () => {
    await using server = await servePush({}, SMALL);
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', id: 's', stream: 'a', credit: 0 });
    await client.messages.next();
    for (let n = 1; n <= 5; n++) server.log.publish('a', String(n));
    client.say({ type: 'credit', id: 's', items: 1 });
    const gap = await client.messages.next();
    assert.deepEqual([gap.type, gap.id, gap.reason], ['gap', 's', 'overtaken']);
    client.say({ type: 'credit', id: 's', items: 9 });
    assert.deepEqual([(await client.messages.next()).data, (await client.messages.next()).data], ['4', '5']);
  });
});

describe('the end', { timeout: 20_000 }, () => {
  it('is 1001 when the log or the handler is closed', async () => {
    await using server = await servePush();
    using one = new PushClient(server.host, '?stream=a');
    await one.messages.next();
    server.handler.close();
    assert.deepEqual(await one.closed, [1001, 'the server is shutting down']);
    using refused = new PushClient(server.host, '?stream=a');
    assert.equal((await refused.closed)[0], 503);

    await using other = await servePush();
    using two = new PushClient(other.host, '?stream=a');
    using idle = await new PushClient(other.host).opened();
    await two.messages.next();
    other.log.publish('a', 'last');
    other.log.close();
    assert.equal((await two.event()).data, 'last');
    assert.equal((await two.closed)[0], 1001);
    idle.say({ type: 'subscribe', stream: 'a' });
    assert.equal((await idle.closed)[0], 1001);
    assert.equal(other.handler.clients, 0);
  });

  it('is told to subscriptions that the history has overtaken, where they are to be dropped', async () => {
    await using server = await servePush({ whenOvertaken: 'drop' }, SMALL);
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', id: 's', stream: 'a', credit: 0 });
    await client.messages.next();
    for (let n = 1; n <= 5; n++) server.log.publish('a', String(n));
    client.say({ type: 'credit', id: 's', items: 1 });
    const end = await client.messages.next();
    assert.deepEqual([end.type, end.id, end.reason], ['unsubscribed', 's', 'overtaken']);
    assert.deepEqual(server.log.subscribers(), []);
    client.say({ type: 'subscribe', id: 's', stream: 'a' });
    assert.equal((await client.messages.next()).type, 'subscribed');
  });

  it('is 1008 for who is overtaken where the streams are fixed', async () => {
    await using server = await servePush({ whenOvertaken: 'drop', stream: 'a' }, SMALL);
    using client = new PushClient(server.host, '?credit=0');
    await client.messages.next();
    for (let n = 1; n <= 5; n++) server.log.publish('a', String(n));
    client.say({ type: 'credit', items: 1 });
    assert.equal((await client.messages.next()).reason, 'overtaken');
    assert.deepEqual(await client.closed, [1008, 'overtaken']);
  });

  it('of its client ends what it followed', async () => {
    await using server = await servePush();
    for (const end of ['close', 'terminate'] as const) {
      using client = new PushClient(server.host, '?stream=a');
      await client.messages.next();
      assert.equal(server.log.subscribers().length, 1);
      client.socket[end]();
      await client.closed;
      while (server.handler.clients > 0) await turn();
      assert.deepEqual(server.log.subscribers(), []);
    }
  });

  it('comes with a close code for messages that break the rules', async () => {
    await using server = await servePush({ maxMessageBytes: 1_000 });
    const broken: [string | Buffer, number, string | undefined][] = [
      ['hello', 1008, 'ERR_BAD_MESSAGE'],
      ['{"type":"subscribe"}', 1008, 'ERR_BAD_MESSAGE'],
      [Buffer.from('{"type":"subscribe","stream":"a"}'), 1003, undefined],
      [`{"type":"subscribe","stream":"${'x'.repeat(1_000)}"}`, 1009, undefined],
    ];
    for (const [message, code, told] of broken) {
      using client = await new PushClient(server.host).opened();
      client.socket.send(message);
      assert.equal((await client.closed)[0], code);
      assert.equal(client.messages.all[0]?.code, told);
    }
  });
});

describe('pings', { timeout: 20_000 }, () => {
  it('go to each client once per interval, and who answers stays', async () => {
    const clock = new VirtualClock();
    await using server = await servePush({ keepAlive: 1_000 }, { clock });
    using client = new PushClient(server.host, '?stream=a');
    await client.messages.next();
    for (let i = 0; i < 3; i++) {
      const ping = once(client.socket, 'ping');
      clock.advance(1_000);
      await ping;
      // The pong has to come in before the next look.
      client.say({ type: 'subscribe', id: `fence ${i}`, stream: 'x' });
      await client.messages.next();
    }
    assert.equal(server.handler.clients, 1);
  });

  it('of a client are answered', async () => {
    await using server = await servePush();
    using client = await new PushClient(server.host, '?stream=a').opened();
    const pong = once(client.socket, 'pong');
    client.socket.ping('are you there');
    assert.equal(String((await pong)[0]), 'are you there');
  });
});
