import type { Clock } from '../clock/clock.js';

/** What is read of the body of a refusal, at most, and for how many milliseconds. */
const MAX_BYTES = 1024;
const PATIENCE = 1_000;
const LONGEST_REASON = 200;
/** Bodies that are words: not pages, and nothing that is not text. */
const WORDS = /^(?:text\/plain|application\/(?:[\w.-]+\+)?json)(?:;|$)/i;

/**
 * What a server says why it refuses, for the error's message: the `error` or `message` of a JSON body, or a plain text, cut to
 * 200 characters without control characters. Empty when there is nothing of the kind, or it does not come within a second.
 */
export async function refusalReason(response: Response, clock: Clock): Promise<string> {
  const type = response.headers.get('content-type') ?? '';
  if (response.body === null || !WORDS.test(type.trim())) return '';
  const reader = response.body.getReader();
  const timer = clock.setTimeout(() => void reader.cancel().catch(() => {}), PATIENCE);
  try {
    return printable(reasonIn(await start(reader)));
  } catch {
    // The refusal itself is what counts.
    return '';
  } finally {
    timer.cancel();
    void reader.cancel().catch(() => {});
  }
}

async function start(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  while (bytes < MAX_BYTES) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    bytes += value.length;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BYTES).toString('utf8');
}

function reasonIn(text: string): string {
  if (!text.trimStart().startsWith('{')) return text;
  const body: unknown = JSON.parse(text);
  if (typeof body !== 'object' || body === null) return '';
  const said: unknown = 'error' in body ? body.error : 'message' in body ? body.message : '';
  return typeof said === 'string' ? said : '';
}

function printable(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, LONGEST_REASON);
}
