import { UpgradeFailureError } from '../httpstream/index.js';
import { until } from './attempt.js';
import { exchangeHeads, type BackendAnswer } from './exchange.js';
import { endToEnd, fieldsOf, requestFields, valuesOf } from './fields.js';
import { upgradeLocation } from './location.js';
import { pump } from './pump.js';
import { replayRefusal } from './replay.js';
import { requestText, responseText, type Field } from './request-text.js';
import type { ProxySettings } from './options.js';
import type { UpgradeCall } from './upgrade-call.js';

/** How the request to the backend differs from the caller's. */
export interface UpgradeChange {
  readonly method: string;
  readonly upgrade: string;
  /** Headers that are left out, by lower-case name. */
  readonly without: (name: string) => boolean;
  readonly fields: readonly Field[];
}

/**
 * Sends an upgrade request on and reads the header of the answer. A redirect is an answer like any other: it is not
 * followed.
 *
 * @throws UpgradeFailureError for an answer below 400 that is no 101; what `exchangeHeads` and the hooks throw.
 */
export async function forwardUpgrade(call: UpgradeCall, change: UpgradeChange): Promise<BackendAnswer> {
  const { attempt, req, settings } = call;
  const { signal } = attempt;
  const { url, path } = await until(upgradeLocation(req, settings), signal);
  const fields = await until(requestFields(req, url, settings, change.without), signal);
  const request = requestText(change.method, path, [
    ...fields,
    ['Connection', 'Upgrade'],
    ['Upgrade', change.upgrade],
    ...change.fields,
  ]);
  const answer = await exchangeHeads(settings, url, request, signal);
  attempt.settle();
  const { statusCode } = answer.head;
  if (statusCode === 101 || statusCode >= 400) return answer;
  answer.socket.destroy();
  const message = `invalid upgrade response: status code ${statusCode}`;
  throw new UpgradeFailureError(message, { statusCode, initiator: 'remote' });
}

/** Serves an upgrade: the backend's 101 connects the two sockets, its refusal is passed on (apimachinery `tryUpgrade`). */
export async function serveUpgrade(call: UpgradeCall): Promise<void> {
  const { held, req, settings, socket } = call;
  const method = req.method ?? 'GET';
  const bodiless = method === 'GET' || method === 'HEAD';
  const answer = await forwardUpgrade(call, {
    method,
    upgrade: valuesOf(fieldsOf(req.rawHeaders), 'upgrade').join(', '),
    without: (name) => name === 'content-length',
    fields: bodiless ? [] : [['Content-Length', '0']],
  });
  if (answer.head.statusCode !== 101) return await refuseAsBackend(call, answer);
  const { statusMessage, fields } = answer.head;
  const head = responseText(101, statusMessage === '' ? 'Switching Protocols' : statusMessage, [
    ...endToEnd(fields).filter(([name]) => name.toLowerCase() !== 'content-length'),
    ['Connection', valuesOf(fields, 'connection').join(', ') || 'Upgrade'],
    ...valuesOf(fields, 'upgrade').map((value): Field => ['Upgrade', value]),
  ]);
  const early = held.release();
  if ('setNoDelay' in socket && typeof socket.setNoDelay === 'function') socket.setNoDelay(true);
  socket.write(head);
  await pump({ socket, early }, { socket: answer.socket, early: answer.rest }, pumpOptions(settings));
}

/** Passes the backend's refusal on. @throws ProtocolError when it cannot be; the caller is not yet answered then. */
export async function refuseAsBackend(call: UpgradeCall, answer: BackendAnswer): Promise<void> {
  const { held, req, settings, socket } = call;
  let replayed: Promise<void>;
  try {
    replayed = replayRefusal(req, socket, answer, settings);
  } catch (error) {
    answer.socket.destroy();
    throw error;
  }
  // What came early is for nobody.
  held.release();
  socket.resume();
  await replayed;
}

/** What {@link pump} needs of the settings. */
export function pumpOptions(settings: ProxySettings): Parameters<typeof pump>[2] {
  const { clock, halfCloseTimeout, idleTimeout, limits, maxBytesPerSecond } = settings;
  const { closeTimeout, writeTimeout } = limits;
  return { clock, idleTimeout, writeTimeout, halfCloseTimeout, closeTimeout, bytesPerSecond: maxBytesPerSecond };
}
