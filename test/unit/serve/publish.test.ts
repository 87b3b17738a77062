import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InvalidArgumentError, LimitExceededError, TimeoutError, TrunklineError } from '../../../src/errors/index.js';
import type { Bus, Published } from '../../../src/mesh/bus.js';
import { PodNotReadyError } from '../../../src/mesh/errors.js';
import { EventLog } from '../../../src/push/log/event-log.js';
import { publish } from '../../../src/serve/publish.js';
import { listen } from '../../support/push-sse.js';
import { askPod, type Answer } from '../../support/serve-pods.js';

// What publishers are told when other pods, or this one, fail.

const LINES = { 'Content-Type': 'application/x-ndjson' };
const LIMITS = { maxBodyBytes: 10_000, maxBatch: 10, timeout: 100 };

/** A bus whose publishing goes as the test wants it, behind the log. */
class FakeBus implements Bus {
  readonly log = new EventLog();
  readonly name = 'fake';
  state: Bus['state'] = 'ready';
  fails: (data: unknown) => Error | undefined = () => undefined;

  async start(): Promise<void> {}

  async publish(stream: string, data: unknown): Promise<Published> {
    const error = this.fails(data);
    if (error instanceof LimitExceededError || error instanceof InvalidArgumentError) throw error;
    const event = this.log.publish(stream, data);
    if (error !== undefined) throw error;
    return { event, acks: 3 };
  }

  async presence(): Promise<never> {
    throw new InvalidArgumentError('not asked for');
  }

  async drain(): Promise<'alone'> {
    return 'alone';
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** What each event came to, as the metrics have it. */
interface Told {
  readonly answer: Answer;
  readonly statuses: readonly number[];
}

async function ask(bus: FakeBus, body: string, headers: Record<string, string> = {}): Promise<Told> {
  const statuses: number[] = [];
  const metrics = { published: (status: number) => void statuses.push(status), took: () => {} };
  await using server = await listen((req, res) => {
    publish(req, res, { bus, limits: LIMITS, metrics, lets: async () => true }).catch((error: unknown) => {
      res.writeHead(500).end(error instanceof TrunklineError ? error.code : String(error));
    });
  });
  const answer = await askPod(`http://127.0.0.1:${server.port}/publish?stream=a`, { body, headers });
  return { answer, statuses };
}

describe('publishing when pods fail', () => {
  for (const error of [new TimeoutError('no acknowledgement', 100), new PodNotReadyError('closed')]) {
    it(`answers 504 with the event that may be anywhere: ${error.name}`, async () => {
      const bus = new FakeBus();
      bus.fails = () => error;
      const { answer, statuses } = await ask(bus, 'x');
      const cursor = bus.log.cursor('a');
      assert.equal(answer.status, 504);
      assert.deepEqual(answer.json(), { cursor, origin: bus.log.origin, n: 1, acks: 1, acknowledged: false });
      assert.deepEqual(statuses, [504]);
    });
  }

  it('answers 503 when the pod has begun to drain, and publishes nothing', async () => {
    const bus = new FakeBus();
    bus.state = 'draining';
    const { answer, statuses } = await ask(bus, 'x');
    assert.deepEqual([answer.status, answer.headers['retry-after']], [503, '1']);
    assert.deepEqual(answer.json(), { error: 'the pod is draining', code: 'ERR_POD_NOT_READY' });
    assert.deepEqual(bus.log.streams(), []);
    assert.deepEqual(statuses, [503]);
  });

  it('answers 503 when the log is full', async () => {
    const bus = new FakeBus();
    bus.fails = () => new LimitExceededError('maxStreams', 'too many streams');
    const { answer } = await ask(bus, 'x');
    assert.equal(answer.status, 503);
    assert.deepEqual(answer.json(), { error: 'too many streams', code: 'ERR_LIMIT_EXCEEDED' });
  });

  it('says of a batch what is worst, and of each event what came of it', async () => {
    const bus = new FakeBus();
    bus.fails = (data) => (data === '2' ? new TimeoutError('late', 100) : undefined);
    const late = await ask(bus, '{"data":1}\n{"data":2}\n{"data":3}', LINES);
    assert.equal(late.answer.status, 504);
    const { events } = late.answer.json() as { events: { n: number; acknowledged?: false }[] };
    assert.deepEqual(
      events.map(({ n, acknowledged }) => [n, acknowledged]),
      [
        [1, undefined],
        [2, false],
        [3, undefined],
      ],
    );
    assert.deepEqual(late.statuses, [200, 504, 200]);
    bus.fails = (data) => (data === '2' ? new LimitExceededError('maxStreams', 'full') : undefined);
    const full = await ask(bus, '{"data":1}\n{"data":2}', LINES);
    assert.equal(full.answer.status, 503);
    assert.deepEqual((full.answer.json() as { events: object[] }).events[1], {
      error: 'full',
      code: 'ERR_LIMIT_EXCEEDED',
    });
  });

  it('leaves defects to the server', async () => {
    const bus = new FakeBus();
    bus.fails = () => new RangeError('a defect');
    const { answer } = await ask(bus, 'x');
    assert.equal(answer.status, 500);
  });
});
