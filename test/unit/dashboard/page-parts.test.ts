// The parts of the page that need no page.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { channelMessage, describeStatus, sizeMessage } from '../../../src/dashboard/page/channels.js';
import { PodColors } from '../../../src/dashboard/page/colors.js';
import { formatDuration, formatRate, shortName } from '../../../src/dashboard/page/format.js';
import { between, layOut, orbit } from '../../../src/dashboard/page/geometry.js';
import { Moves } from '../../../src/dashboard/page/moves.js';
import { Acknowledged, Tally } from '../../../src/dashboard/page/tally.js';

describe('Tally', () => {
  it('counts what came, in any order, and what came again', () => {
    const tally = new Tally();
    for (const seq of [2, 1, 4, 4, 1, 5]) tally.take(seq);
    assert.deepEqual([tally.received, tally.repeated], [4, 2]);
    assert.deepEqual([tally.lacks(5), tally.lacks(2), tally.lacks(7)], [1, 0, 3]);
    tally.take(3);
    assert.deepEqual([tally.lacks(5), tally.has(3), tally.has(6)], [0, true, false]);
  });
});

describe('Acknowledged', () => {
  it('tells up to where everything was acknowledged by then', () => {
    const acknowledged = new Acknowledged();
    acknowledged.add(1, 100);
    acknowledged.add(3, 150);
    assert.equal(acknowledged.throughAt(99), 0);
    assert.equal(acknowledged.throughAt(500), 1);
    acknowledged.add(2, 600);
    assert.equal(acknowledged.throughAt(599), 1);
    assert.equal(acknowledged.throughAt(600), 3);
    assert.equal(acknowledged.count, 3);
  });
});

describe('Moves', () => {
  it('gather the clients of one pod, and last until all are served again', () => {
    const moves = new Moves();
    moves.lost(1, 'a', 0);
    moves.lost(2, 'a', 10);
    moves.found(1, 300);
    assert.deepEqual(
      moves.list.map(({ pod, clients, took }) => [pod, clients, took]),
      [['a', 2, undefined]],
    );
    moves.found(2, 450);
    moves.lost(3, 'b', 500);
    moves.found(3, 600);
    moves.lost(4, 'a', 9_000);
    assert.deepEqual(
      moves.list.map(({ pod, clients, took }) => [pod, clients, took]),
      [
        ['a', 1, undefined],
        ['b', 1, 100],
        ['a', 2, 450],
      ],
    );
  });
});

describe('the drawing', () => {
  it('has all pods and their first ring of clients inside', () => {
    for (const [width, height] of [
      [280, 330],
      [640, 400],
      [900, 400],
    ] as const) {
      for (let count = 1; count <= 50; count++) {
        const { places, radius } = layOut(count, width, height);
        assert.equal(places.length, count);
        for (const { x, y } of places) {
          assert.ok(x - radius - 12 >= 0 && x + radius + 12 <= width, `${count} pods, x ${x}`);
          assert.ok(y - radius - 12 >= 0 && y + radius + 12 <= height + 0.001, `${count} pods, y ${y} of ${height}`);
        }
      }
    }
  });

  it('puts clients beside each other, outside the pod', () => {
    const center = { x: 100, y: 100 };
    const spots = Array.from({ length: 40 }, (_, index) => orbit(center, 30, index, 40));
    for (const [index, spot] of spots.entries()) {
      assert.ok(Math.hypot(spot.x - 100, spot.y - 100) > 30);
      for (const other of spots.slice(index + 1)) assert.ok(Math.hypot(spot.x - other.x, spot.y - other.y) > 6);
    }
  });

  it('draws links from rim to rim', () => {
    assert.deepEqual(between({ x: 0, y: 0 }, { x: 100, y: 0 }, 10), [
      { x: 10, y: 0 },
      { x: 90, y: 0 },
    ]);
  });
});

describe('PodColors', () => {
  it('stay with a pod, and are given again when it is gone', () => {
    const colors = new PodColors();
    colors.update(['a', 'b', 'c']);
    const before = ['a', 'b', 'c'].map((name) => colors.classOf(name));
    assert.equal(new Set(before).size, 3);
    colors.update(['a', 'c', 'd']);
    assert.deepEqual(
      ['a', 'c', 'd'].map((name) => colors.classOf(name)),
      [before[0], before[2], before[1]],
    );
    assert.equal(colors.classOf('b'), 'pod-none');
  });
});

describe('channels of exec', () => {
  it('begin with their number', () => {
    assert.deepEqual([...channelMessage(0, 'é')], [0, 0xc3, 0xa9]);
    assert.deepEqual(new TextDecoder().decode(sizeMessage(80, 24)), '\x04{"Width":80,"Height":24}');
  });

  it('tell how a command ended', () => {
    assert.equal(describeStatus('{"status":"Success"}'), 'The command ended.');
    const failed = { status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '3' }] } };
    assert.equal(describeStatus(JSON.stringify(failed)), 'The command ended with exit code 3.');
    assert.equal(describeStatus('{"status":"Failure","message":"no pty"}'), 'no pty');
    assert.equal(describeStatus('gone'), 'gone');
  });
});

describe('figures', () => {
  it('are short', () => {
    assert.deepEqual([0, 0.04, 2.34, 12.6, 12_345].map(formatRate), ['0/s', '0/s', '2.3/s', '13/s', '12,345/s']);
    assert.deepEqual([0.4, 12.3, 1_500].map(formatDuration), ['0.40 ms', '12 ms', '1.5 s']);
    assert.equal(shortName('trunkline-serve-7d9f-x2k4z'), 'x2k4z');
  });
});
