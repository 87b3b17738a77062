import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import { WebSocket } from 'ws';
import { EventStreamParser } from '../../../src/sse/index.js';
import { connectWebSocket, type WebSocketConstructor } from '../../../src/websocket/index.js';
import { ACTION, World } from './support.js';

describe('the state of the dashboard', { timeout: 30_000 }, () => {
  it('has pods, links and clients', async () => {
    await using world = await World.start(3);
    const client = await world.open('/events?stream=demo');
    const snapshot = await world.state(({ snapshot: { pods } }) => pods.some(({ clients }) => clients === 1));
    assert.deepEqual(
      snapshot.pods.map(({ name, ready, report, state }) => [name, ready, report, state]),
      ['pod-a', 'pod-b', 'pod-c'].map((name) => [name, true, 'live', 'ready']),
    );
    assert.deepEqual(
      snapshot.links.map(({ a, b, roundTrip }) => [a, b, roundTrip]),
      [
        ['pod-a', 'pod-b', 0.4],
        ['pod-a', 'pod-c', 0.4],
        ['pod-b', 'pod-c', 0.4],
      ],
    );
    assert.equal(snapshot.apiServer, world.cluster.apiServer);
    client.destroy();
  });

  it('measures the latency, and keeps its own events out of the figures', async () => {
    await using world = await World.start(3, { probePeriod: 20, pollPeriod: 120 });
    const seen = await world.state(({ snapshot: { latency } }) => (latency?.count ?? 0) >= 4);
    assert.ok(seen.latency !== undefined && seen.latency.median > 0 && seen.latency.most >= seen.latency.median);
    for (const { clients, published } of seen.pods) {
      assert.equal(clients, 0);
      assert.ok(published < 25, `${published} of 50 events per second are shown`);
    }
  });

  it('counts what is published and delivered', async () => {
    await using world = await World.start(2, { pollPeriod: 150 });
    const client = await world.open('/events?stream=demo');
    client.resume();
    await world.state(({ snapshot: { pods } }) => pods.some(({ clients }) => clients === 1));
    for (let i = 0; i < 20; i++) {
      await world.send('/publish?stream=demo', { method: 'POST', headers: ACTION, body: 'x' });
    }
    const seen = await world.state(({ snapshot }) => snapshot.published > 0 && snapshot.delivered > 0);
    assert.ok(seen.links.some(({ forth, back }) => forth + back > 0));
    client.destroy();
  });

  it('tells what happens to pods', async () => {
    await using world = await World.start(2);
    await world.state(({ snapshot: { pods } }) => pods.length === 2);
    const answer = await world.send('/pods/pod-a/kill', { method: 'POST', headers: ACTION });
    assert.equal(answer.status, 202);
    const kinds = new Set<string>();
    await world.state(({ notices }) => {
      for (const { kind, pod } of notices) if (pod === 'pod-a') kinds.add(kind);
      return kinds.has('restart');
    });
    assert.ok(kinds.has('kill'), [...kinds].join());
    await world.send('/pods/pod-b/replace', { method: 'POST', headers: ACTION });
    const after = await world.state(({ snapshot: { pods } }) => pods.some(({ name }) => name === 'pod-bx'));
    assert.ok(!after.pods.some(({ name }) => name === 'pod-b'));
    assert.deepEqual(world.cluster.actions, ['kill pod-a SIGKILL', 'replace pod-b']);
  });

  it('says which pods tell nothing, and asks them no more', async () => {
    await using world = await World.start(2);
    const pod = world.cluster.pod('pod-a');
    pod.answer = (_req, res) => Boolean(res.writeHead(200).end('<h1>hello</h1>'));
    const snapshot = await world.state(({ snapshot: { pods } }) => pods.some(({ report }) => report === 'none'));
    assert.deepEqual(
      snapshot.pods.map(({ report }) => report),
      ['none', 'live'],
    );
    const asked = pod.requests.length;
    const { time } = snapshot;
    await world.state((seen) => seen.snapshot.time > time + 150);
    assert.equal(pod.requests.length, asked);
  });

  it('resumes', async () => {
    await using world = await World.start(1);
    await world.state(() => true);
    const first = await world.open('/state');
    let id = '';
    const parser = new EventStreamParser({ event: ({ lastEventId }) => (id = lastEventId) });
    for await (const chunk of first as AsyncIterable<Buffer>) {
      parser.feed(chunk);
      if (id !== '') break;
    }
    const again = await world.open('/state', { headers: { 'Last-Event-ID': id } });
    assert.equal(again.statusCode, 200);
    again.destroy();
    const strange = await world.send('/state', { headers: { 'Last-Event-ID': '!' } });
    assert.equal(strange.status, 400);
  });
});

describe('events through the dashboard', { timeout: 30_000 }, () => {
  it('go on at another pod when one is killed, from the last event', async () => {
    await using world = await World.start(3);
    const got: string[] = [];
    const pods: string[] = [];
    let id = '';
    const follow = async (until: number): Promise<void> => {
      const response = await world.open('/events?stream=demo', id === '' ? {} : { headers: { 'Last-Event-ID': id } });
      assert.equal(response.statusCode, 200);
      pods.push(String(response.headers['trunkline-pod']));
      const parser = new EventStreamParser({ event: ({ data }) => got.push(data) }, { lastEventId: id });
      try {
        for await (const chunk of response as AsyncIterable<Buffer>) {
          parser.feed(chunk);
          id = parser.lastEventId;
          if (got.length >= until) return;
        }
      } catch {
        // Its pod was killed.
      }
    };
    const publish = async (data: string): Promise<void> => {
      const { status } = await world.send('/publish?stream=demo', { method: 'POST', headers: ACTION, body: data });
      assert.equal(status, 200);
    };
    let following = follow(1_000);
    await world.state(({ snapshot }) => snapshot.pods.some(({ clients }) => clients === 1));
    for (let i = 0; i < 30; i++) {
      await publish(String(i));
      if (i % 10 !== 9) continue;
      const pod = world.cluster.pod(pods.at(-1) ?? '');
      const ended = following;
      await pod.kill();
      await publish(`${i} while it is gone`);
      await ended;
      following = follow(got.length + 5);
      pod.restarts += 1;
      await pod.start();
    }
    await following;
    const sent = Array.from({ length: 30 }, (_, i) =>
      i % 10 === 9 ? [String(i), `${i} while it is gone`] : [String(i)],
    );
    assert.deepEqual([...got].toSorted(), sent.flat().toSorted());
  });

  it('come from another pod when one refuses', async () => {
    await using world = await World.start(3);
    for (const name of ['pod-a', 'pod-c']) {
      world.cluster.pod(name).answer = (_req, res) => Boolean(res.writeHead(503).end('draining'));
    }
    for (let i = 0; i < 6; i++) {
      const response = await world.open('/events?stream=demo', { headers: { 'Last-Event-ID': '' } });
      assert.deepEqual([response.statusCode, response.headers['trunkline-pod']], [200, 'pod-b']);
      response.destroy();
    }
    world.cluster.pod('pod-b').answer = (_req, res) => Boolean(res.writeHead(503).end());
    const none = await world.send('/events?stream=demo');
    assert.deepEqual([none.status, none.headers['retry-after']], [503, '1']);
  });

  it('and refusals that are the same everywhere are passed on', async () => {
    await using world = await World.start(2);
    const refused = await world.send('/events');
    assert.equal(refused.status, 400);
    assert.match(refused.body, /stream/);
  });

  it('and logs come through streams of one WebSocket', async () => {
    await using world = await World.start(2);
    const connection = await connectWebSocket(`${world.dashboard.url}/tunnel`, { webSocket: pageSocket(world) });
    const streams = await Promise.all(
      Array.from({ length: 12 }, () => connection.createStream({ path: '/events?stream=demo' })),
    );
    const readers = streams.map((stream) => stream.readable.getReader());
    const heads = await Promise.all(readers.map(async (reader) => textOf((await reader.read()).value)));
    for (const head of heads) {
      const { status, headers } = JSON.parse(head.split('\n')[0] ?? '') as { status: number; headers: object };
      assert.equal(status, 200);
      assert.match(JSON.stringify(headers), /"Trunkline-Pod":"pod-[ab]"/);
    }
    await Promise.all(world.cluster.all.map((pod) => pod.kill()));
    for (const reader of readers) {
      await assert.rejects(async () => {
        while (!(await reader.read()).done);
      });
    }
    const log = await connection.createStream({ path: '/logs/pod-a?tail=5' });
    let read = '';
    for await (const chunk of log.readable) read += textOf(chunk);
    assert.match(read, /^\{"status":200.*\}\nline 1\nline 2\n$/);
    const other = await connection.createStream({ path: '/' });
    await assert.rejects(async () => await other.readable.getReader().read());
    await connection.close();
  });
});

describe('publishing through the dashboard', { timeout: 30_000 }, () => {
  it('goes to the pod that is named, and its answer comes back', async () => {
    await using world = await World.start(3);
    const sending = { method: 'POST', headers: { ...ACTION, 'Content-Type': 'text/plain' }, body: 'hello' };
    const { status, headers, body } = await world.send('/publish?stream=demo&type=note&ack=all&pod=pod-b', sending);
    assert.deepEqual([status, headers['trunkline-pod']], [200, 'pod-b']);
    assert.equal((JSON.parse(body) as { n: number }).n, 1);
    const asked = world.cluster.pod('pod-b').requests.find(({ method }) => method === 'POST');
    assert.equal(asked?.url, '/publish?stream=demo&type=note&ack=all');
    assert.equal(asked.headers['content-type'], 'text/plain');
    assert.equal(asked.headers['origin'], undefined);
    const none = await world.send('/publish?stream=demo&pod=nobody', sending);
    assert.equal(none.status, 503);
  });

  it('finds another pod when one is not reached or not ready', async () => {
    await using world = await World.start(3);
    world.cluster.pod('pod-a').answer = (_req, res) => Boolean(res.writeHead(503).end('joining'));
    const { address } = world.cluster.pod('pod-b');
    await world.cluster.pod('pod-b').kill();
    // Its object does not say so yet.
    world.cluster.pods.put({
      ...(world.cluster.pods.get('default', 'pod-c') ?? assert.fail()),
      metadata: { name: 'pod-b', namespace: 'default', uid: 'b', creationTimestamp: '' },
    });
    world.cluster.pod('pod-b').address = address;
    for (let i = 0; i < 5; i++) {
      const answer = await world.send('/publish?stream=demo', { method: 'POST', headers: ACTION, body: 'x' });
      assert.deepEqual([answer.status, answer.headers['trunkline-pod']], [200, 'pod-c']);
    }
  });

  it('is tried again after an answer was lost only with a key', async () => {
    await using world = await World.start(2);
    for (const pod of world.cluster.all) {
      pod.answer = (req) => (req.method === 'POST' ? Boolean(req.socket.destroy()) : false);
    }
    const posts = (): number =>
      world.cluster.all.flatMap(({ requests }) => requests.filter(({ method }) => method === 'POST')).length;
    const sending = { method: 'POST', headers: ACTION, body: 'x' };
    const lost = await world.send('/publish?stream=demo', sending);
    assert.deepEqual([lost.status, posts()], [502, 1]);
    await world.send('/publish?stream=demo&key=1', sending);
    assert.equal(posts(), 3);
  });

  it('has a bound', async () => {
    await using world = await World.start(1);
    const body = 'x'.repeat(1024 * 1024 + 1);
    const { status } = await world.send('/publish?stream=demo', { method: 'POST', headers: ACTION, body });
    assert.equal(status, 413);
  });
});

describe('a terminal through the dashboard', { timeout: 30_000 }, () => {
  it('is exec with a terminal in that pod', async () => {
    await using world = await World.start(2);
    const url = `${world.dashboard.url.replace('http', 'ws')}/exec/pod-b?command=sh&command=-l`;
    const socket = new WebSocket(url, ['v5.channel.k8s.io'], { origin: world.dashboard.url });
    let output = '';
    let status = '';
    const closed = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', () => resolve());
      socket.on('message', (data: Buffer) => {
        if (data[0] === 1) output += data.subarray(1).toString();
        if (data[0] === 3) status += data.subarray(1).toString();
        if (output.includes('tty=true') && !output.includes('typed')) socket.send('\0typed');
        if (output.includes('typed')) socket.send('\0exit');
      });
    });
    await closed;
    assert.match(output, /^sh -l tty=true\r\ntyped/);
    assert.match(status, /"ExitCode","message":"3"/);
  });
});

describe('the page', { timeout: 30_000 }, () => {
  it('has a nonce of its own each time, and only files of the page are served', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dashboard-'));
    try {
      await writeFile(join(folder, 'index.html'), '<script nonce="{{nonce}}"></script>');
      await writeFile(join(folder, 'dashboard.js'), 'script');
      await writeFile(join(folder, 'secret.txt'), 'secret');
      await using world = await World.start(1, { assets: pathToFileURL(`${folder}/`) });
      const [one, two] = [await world.send('/'), await world.send('/')];
      const nonce = /nonce="([\w+/=]+)"/.exec(one.body)?.[1] ?? '';
      assert.ok(nonce.length >= 20 && !two.body.includes(nonce));
      assert.ok(String(one.headers['content-security-policy']).includes(`script-src 'nonce-${nonce}'`));
      const script = await world.send('/assets/dashboard.js');
      assert.deepEqual([script.status, script.body], [200, 'script']);
      for (const name of ['secret.txt', '../index.html', '%2e%2e/index.html', 'constructor', '']) {
        assert.equal((await world.send(`/assets/${name}`)).status, 404, name);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('says when it was not built', async () => {
    await using world = await World.start(1, { assets: pathToFileURL('/nowhere/') });
    const { status, body } = await world.send('/');
    assert.equal(status, 503);
    assert.match(body, /npm run build/);
    assert.deepEqual(world.errors, []);
  });

  it('has nothing at other paths, and takes no other methods', async () => {
    await using world = await World.start(1);
    assert.equal((await world.send('/nothing')).status, 404);
    assert.equal((await world.send('/state', { method: 'DELETE' })).status, 405);
    assert.equal((await world.send('/publish?stream=x')).status, 405);
    assert.equal((await world.send('/pods/nobody/kill', { method: 'POST', headers: ACTION })).status, 404);
    assert.equal((await world.send('/logs/nobody')).status, 404);
  });
});

/** A WebSocket as the page opens it. */
function pageSocket(world: World): WebSocketConstructor {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { origin: world.dashboard.url });
    }
  };
}

function textOf(bytes: Uint8Array | undefined): string {
  return new TextDecoder().decode(bytes);
}
