import { systemClock } from '../../clock/clock.js';
import type { Snapshot } from '../state.js';
import { errorOf, field, publish, type Publication, type Reply } from './api.js';
import { offerPods } from './choose-pod.js';
import { byId, setText } from './dom.js';
import { formatCount, formatDuration, shortName } from './format.js';

/** Requests on their way at once. */
const AT_ONCE = 4;

/** The form that publishes. */
export class PublishBox {
  readonly #form = byId('publish-form', HTMLFormElement);
  readonly #stream = byId('publish-stream', HTMLInputElement);
  readonly #pod = byId('publish-pod', HTMLSelectElement);
  readonly #ack = byId('publish-ack', HTMLSelectElement);
  readonly #times = byId('publish-times', HTMLInputElement);
  readonly #data = byId('publish-data', HTMLTextAreaElement);
  readonly #result = byId('publish-result', HTMLElement);
  #busy = false;

  constructor() {
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (!this.#busy) void this.#publish();
    });
    this.#data.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
  }

  update({ pods }: Snapshot): void {
    offerPods(this.#pod, pods);
  }

  async #publish(): Promise<void> {
    this.#busy = true;
    const times = Number(this.#times.value);
    const { value: stream } = this.#stream;
    const publication = { stream, ack: this.#ack.value, pod: this.#pod.value };
    const started = systemClock.now();
    let next = 1;
    const work = async (): Promise<Reply | undefined> => {
      let last: Reply | undefined;
      while (next <= times) {
        const number = next++;
        const data = times === 1 ? this.#data.value : `${this.#data.value} ${number}`;
        last = await publishOrThrow({ ...publication, data });
        if (times > AT_ONCE) setText(this.#result, `${formatCount(number)} of ${formatCount(times)}`);
      }
      return last;
    };
    try {
      const replies = await Promise.all(Array.from({ length: Math.min(AT_ONCE, times) }, work));
      setText(this.#result, describe(replies, times, systemClock.now() - started));
    } catch (error) {
      setText(this.#result, error instanceof Error ? error.message : String(error));
    } finally {
      this.#busy = false;
    }
  }
}

async function publishOrThrow(publication: Publication): Promise<Reply> {
  let reply: Reply;
  try {
    reply = await publish(publication);
  } catch {
    throw new Error('The dashboard does not answer.');
  }
  if (reply.status === 200) return reply;
  const who = reply.pod === '' ? '' : `${shortName(reply.pod)}: `;
  if (reply.status === 504) throw new Error(`${who}published, but no other pod acknowledged it in time.`);
  throw new Error(`${who}${errorOf(reply)}`);
}

function describe(replies: readonly (Reply | undefined)[], times: number, took: number): string {
  if (times > 1) return `${formatCount(times)} events in ${formatDuration(took)}.`;
  const reply = replies[0];
  if (reply === undefined) return '';
  const [n, acks] = [field(reply.body, 'n'), field(reply.body, 'acks')];
  const number = typeof n === 'number' ? ` as its event ${formatCount(n)}` : '';
  const held = typeof acks === 'number' ? `; ${acks === 1 ? 'one pod has it' : `${acks} pods have it`}` : '';
  return `${shortName(reply.pod)} took it${number}${held}. ${formatDuration(took)}.`;
}
