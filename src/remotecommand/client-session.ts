import { ConnectionLostError, ProtocolError } from '../errors/index.js';
import type { Limits } from '../limits/limits.js';
import { copyInput, type InputCopy } from './client-input.js';
import { Collector, copyOutput, writableSink } from './client-output.js';
import { sendResizes } from './client-resize.js';
import type { AttachOptions, ClientStreams, ExecResult } from './client-types.js';
import { deferred } from './deferred.js';
import { carriesStatus } from './protocol.js';
import { decodeStatus, type DecodedStatus } from './status-codec.js';

const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Carries a session from its open streams to its result, and closes the connection. */
export async function converse(streams: ClientStreams, options: AttachOptions, limits: Limits): Promise<ExecResult> {
  const maxBytes = options.maxOutputBytes ?? MAX_OUTPUT_BYTES;
  const collected = {
    stdout: new Collector(maxBytes, 'maxOutputBytes'),
    stderr: new Collector(maxBytes, 'maxOutputBytes'),
  };
  const report = new Collector(limits.errorBodyBytes, 'errorBodyBytes');
  const copies: InputCopy[] = [];
  const aborted = deferred<never>();
  const abort = (): void => aborted.reject(options.signal?.reason);
  options.signal?.addEventListener('abort', abort);
  if (options.signal?.aborted === true) abort();
  try {
    if (streams.stdin !== undefined && options.stdin !== undefined)
      copies.push(copyInput(options.stdin, streams.stdin));
    if (streams.resize !== undefined && options.resizes !== undefined) {
      copies.push(sendResizes(options.resizes, streams.resize));
    }
    const outputs = (['stdout', 'stderr'] as const).map((name) => {
      const stream = streams[name];
      const sink = options[name];
      return stream && copyOutput(stream, sink ? writableSink(sink) : collected[name]);
    });
    const ends = Promise.all([copyOutput(streams.error, report), ...outputs]);
    const broken = await Promise.race([ends, aborted.promise, ...copies.map((copy) => copy.failed)]);
    const { exitCode, status } = conclude(streams, report.text, broken);
    const { protocol, transport } = streams;
    const { stdout, stderr } = collected;
    return { exitCode, stdout: stdout.text, stderr: stderr.text, status, protocol, transport };
  } catch (error) {
    // Whoever was told of a failure gets no more output. A stream that is being read goes on for a moment when destroyed.
    for (const stream of [streams.stdout, streams.stderr, streams.error]) {
      stream?.removeAllListeners('data');
      stream?.destroy();
    }
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
    for (const copy of copies) copy.release();
    const closed = streams.close();
    // Who aborts does not want to wait for a goodbye.
    if (options.signal?.aborted !== true) await closed;
  }
}

/**
 * Makes the result out of what the error stream said and how the streams ended (the error stream's end first).
 *
 * From v4 on a Status decides, however the streams ended: servers send it last, and on one connection nothing overtakes.
 * The originals reset their streams after it. Without a Status nothing is known, whereas client-go reports success.
 * Before v4 silence is success, so it has to be an orderly one. cri-streaming resets all streams alike after a success,
 * when it gives the session up, and with v1 also before it reports a failure: that proves nothing and is not success.
 */
function conclude(
  streams: ClientStreams,
  text: string,
  [errorBroken, ...outputsBroken]: readonly (Error | undefined)[],
): DecodedStatus {
  let decoded: DecodedStatus | undefined;
  try {
    decoded = decodeStatus(text, streams.protocol);
  } catch (error) {
    // Half a Status is none.
    if (error instanceof ProtocolError && errorBroken !== undefined) throw lost(errorBroken);
    throw error;
  }
  const broken = carriesStatus(streams.protocol)
    ? undefined
    : (errorBroken ?? outputsBroken.find((error) => error !== undefined));
  if (decoded !== undefined && broken === undefined) return decoded;
  throw lost(errorBroken ?? broken);
}

function lost(cause: Error | undefined): ConnectionLostError {
  return new ConnectionLostError('the session ended before the server reported a result', {
    cause,
    initiator: 'remote',
  });
}
