import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubectlCommands } from '../../../src/dashboard/index.js';
import { readStatus } from '../../../src/dashboard/pod-status.js';
import { Rates } from '../../../src/dashboard/rates.js';

describe('kubectlCommands', () => {
  it('name the server, a pod and its port', () => {
    const commands = kubectlCommands('http://127.0.0.1:8001', {
      name: 'web-1',
      events: 'http://127.3.4.5:8000/events',
    });
    assert.ok(commands.every((command) => command.startsWith('kubectl --server=http://127.0.0.1:8001 ')));
    assert.ok(commands.some((command) => command.endsWith('exec -it web-1 -- sh')));
    assert.ok(commands.some((command) => command.endsWith('port-forward web-1 8888:8000')));
    assert.ok(kubectlCommands('http://x').some((command) => command.endsWith('port-forward POD 8888:PORT')));
  });
});

describe('readStatus', () => {
  const status = {
    origin: 'AAAAAAAA',
    state: 'ready',
    clients: 3,
    links: [{ name: 'b', origin: 'BBBBBBBB', roundTrip: 0.5, sent: 7, received: 2, behind: 1 }],
    log: { published: 5, appended: 6, deliveredItems: { sse: 10, websocket: 2 }, history: { events: 11 } },
    streams: [{ name: 'orders', clients: 2 }],
  };

  it('takes what is shown out of the answer', () => {
    assert.deepEqual(readStatus(status), {
      origin: 'AAAAAAAA',
      state: 'ready',
      clients: 3,
      links: [{ name: 'b', origin: 'BBBBBBBB', roundTrip: 0.5, sent: 7, received: 2, behind: 1 }],
      published: 5,
      received: 6,
      delivered: 12,
      events: 11,
      streams: [{ name: 'orders', clients: 2 }],
    });
  });

  it('finds no status in other answers', () => {
    for (const value of [null, 5, 'ok', [], {}, { status: 'ok' }, { origin: 'A' }, { ...status, origin: 7 }]) {
      assert.equal(readStatus(value), undefined);
    }
  });

  it('believes no number and no list', () => {
    const strange = {
      ...status,
      clients: -1,
      links: [{ name: 5, roundTrip: 'fast', sent: Number.NaN }, null],
      log: { published: '5', deliveredItems: [1, 'x'] },
      streams: Array.from({ length: 5_000 }, () => ({ name: 'x'.repeat(10_000), clients: Infinity })),
    };
    const read = readStatus(strange);
    assert.ok(read !== undefined);
    assert.deepEqual([read.clients, read.published, read.delivered, read.events], [0, 0, 1, 0]);
    assert.deepEqual(read.links[0], { name: '', origin: '', roundTrip: undefined, sent: 0, received: 0, behind: 0 });
    assert.equal(read.links.length, 2);
    assert.equal(read.streams.length, 1_000);
    assert.equal(read.streams[0]?.name.length, 256);
    assert.equal(read.streams[0]?.clients, 0);
  });
});

describe('Rates', () => {
  it('are growth per second, and 0 at first and after a counter began anew', () => {
    const rates = new Rates();
    const look = (value: number, at: number): number => {
      rates.begin();
      return rates.of('a', value, at);
    };
    assert.equal(look(100, 0), 0);
    assert.equal(look(150, 500), 100);
    assert.equal(look(3, 1_500), 0);
    assert.equal(look(5, 2_500), 2);
  });

  it('stay as they were when two looks are too close', () => {
    const rates = new Rates();
    rates.begin();
    rates.of('a', 0, 0);
    rates.begin();
    assert.equal(rates.of('a', 10, 1_000), 10);
    rates.begin();
    assert.equal(rates.of('a', 20, 1_010), 10);
    rates.begin();
    assert.equal(rates.of('a', 20, 2_000), 10);
  });

  it('forget counters that are gone', () => {
    const rates = new Rates();
    rates.begin();
    rates.of('a', 0, 0);
    rates.begin();
    rates.begin();
    assert.equal(rates.of('a', 1_000, 1_000), 0);
  });
});
