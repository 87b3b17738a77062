import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadWatchCodec } from '../../../../src/push/grpc/codec.js';
import { WatchFramer } from '../../../../src/push/grpc/framer.js';
import { EventLog } from '../../../../src/push/log/event-log.js';
import type { Gap } from '../../../../src/push/log/types.js';
import { loadWatchMethod, type Response } from '../../../support/grpc-watch.js';

const codec = loadWatchCodec();
const method = loadWatchMethod();
const read = (bytes: Buffer): Response => method.responseDeserialize(bytes) as Response;
const gap: Gap = {
  kind: 'gap',
  reason: 'lost',
  streams: ['s'],
  missing: [
    { origin: 'aaaaaaaa', after: 0, through: 3 },
    { origin: 'bbbbbbbb', after: 1, through: undefined },
  ],
};

describe('frames of the watch service', () => {
  const log = new EventLog();
  const framer = new WatchFramer(codec, 'run');
  const event = (data: string) => framer.event(log.publish('s', data), `cursor of ${data}`);

  it('of several events are one response, whose header is the last one', () => {
    const frames = [event('one'), event('two ✓'), event('')];
    const [response, ...others] = framer.batch(frames);
    assert.ok(response !== undefined && others.length === 0);
    const { header, watch_id, events, ...rest } = read(framer.whole(response, '5'));
    assert.equal(watch_id, '5');
    assert.deepEqual(header, { run: 'run', revision: '3', cursor: 'cursor of ' });
    assert.deepEqual(
      events.map(({ data, revision, cursor }) => [data.toString(), revision, cursor]),
      [
        ['one', '1', 'cursor of one'],
        ['two ✓', '2', 'cursor of two ✓'],
        ['', '3', 'cursor of '],
      ],
    );
    assert.deepEqual(rest, { created: false, canceled: false, compact_revision: '0', cancel_reason: '', gap: null });
  });

  it('begin a response at each gap, so that a gap is before the events behind it', () => {
    const frames = [event('a'), framer.gap(gap, 'g1'), framer.gap(gap, 'g2'), event('b'), event('c')];
    const responses = framer.batch(frames).map((response) => read(framer.whole(response, '1')));
    assert.deepEqual(
      responses.map(({ gap: told, events, header }) => [
        told?.reason,
        events.map(({ data }) => data.toString()),
        header.cursor,
      ]),
      [
        [undefined, ['a'], 'cursor of a'],
        ['lost', [], 'g1'],
        ['lost', ['b', 'c'], 'cursor of c'],
      ],
    );
    const [known, unknown] = responses[1]?.gap?.missing ?? [];
    assert.deepEqual(responses[1]?.gap?.streams, ['s']);
    assert.deepEqual([known?.origin, known?.after, known?.through], ['aaaaaaaa', '0', '3']);
    assert.deepEqual([unknown?.origin, unknown?.after, unknown?.through], ['bbbbbbbb', '1', undefined]);
  });

  it('are the same bytes for every call with the same watch id', () => {
    const [response] = framer.batch([event('shared')]);
    assert.ok(response !== undefined);
    assert.equal(framer.whole(response, '0'), framer.whole(response, '0'));
    assert.equal(read(framer.whole(response, '7')).watch_id, '7');
    assert.equal(read(framer.whole(response, '0')).watch_id, '0');
  });
});
