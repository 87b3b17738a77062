import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { streamsOf } from '../../../src/serve/status.js';

describe('streamsOf', () => {
  it('turns who follows on each pod into who follows each stream', () => {
    const pods = [
      {
        origin: 'aaaaaaaa',
        name: 'pod-a',
        clients: 3,
        streams: new Map([
          ['news', 2],
          ['__proto__', 1],
        ]),
      },
      {
        origin: 'bbbbbbbb',
        name: 'pod-b',
        clients: 1,
        streams: new Map([
          ['news', 1],
          ['a*', 1],
        ]),
      },
    ];
    const { streams, pods: told, missing } = streamsOf({ pods, missing: ['pod-c'] });
    assert.deepEqual(
      streams.map(({ name, clients, pods: counts }) => [name, clients, Object.entries(counts)]),
      [
        ['__proto__', 1, [['pod-a', 1]]],
        ['a*', 1, [['pod-b', 1]]],
        [
          'news',
          3,
          [
            ['pod-a', 2],
            ['pod-b', 1],
          ],
        ],
      ],
    );
    assert.deepEqual(told, [
      { name: 'pod-a', origin: 'aaaaaaaa', clients: 3 },
      { name: 'pod-b', origin: 'bbbbbbbb', clients: 1 },
    ]);
    assert.deepEqual(missing, ['pod-c']);
  });

  it('adds up pods of one name, and takes any name', () => {
    const pod = (origin: string) => ({ origin, name: '__proto__', clients: 1, streams: new Map([['s', 1]]) });
    const { streams } = streamsOf({ pods: [pod('aaaaaaaa'), pod('bbbbbbbb')], missing: [] });
    assert.deepEqual(JSON.stringify(streams), '[{"name":"s","clients":2,"pods":{"__proto__":2}}]');
  });
});
