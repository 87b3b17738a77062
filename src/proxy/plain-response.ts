import type { IncomingMessage, ServerResponse } from 'node:http';
import { ConnectionLostError } from '../errors/index.js';
import { fieldsOf, grouped, responseFields, valuesOf } from './fields.js';
import type { ProxySettings } from './options.js';
import { RefusedError } from './refusal.js';

/**
 * Passes a backend's answer on as it comes: header and every piece of the body at once, with backpressure. Resolves when
 * all was handed over.
 *
 * @throws RefusedError (502), before anything is sent, for a redirect where these are not forwarded; ConnectionLostError
 * when the answer breaks off.
 */
export function passResponse(
  req: IncomingMessage,
  res: ServerResponse,
  answer: IncomingMessage,
  settings: ProxySettings,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { statusCode = 502, statusMessage = '' } = answer;
    const given = fieldsOf(answer.rawHeaders);
    const redirects = statusCode >= 300 && statusCode <= 399 && valuesOf(given, 'location').some((to) => to !== '');
    if (redirects && settings.rejectForwardingRedirects) {
      const message = 'the backend attempted to redirect this request, which is not permitted';
      reject(new RefusedError({ code: 502, message }));
      return;
    }
    const fields = responseFields(given);
    const trailer = valuesOf(given, 'trailer').join(', ');
    const chunked = valuesOf(given, 'transfer-encoding').length > 0;
    for (const [name, values] of grouped(fields)) res.setHeader(name, values);
    if (chunked && trailer !== '') res.setHeader('Trailer', trailer);
    // The backend's Date is the one that counts, also when it has none.
    res.sendDate = false;
    res.writeHead(statusCode, statusMessage);
    res.flushHeaders();

    const lost = (cause?: Error): void => {
      if (answer.complete) return;
      const message = 'the backend closed the connection within its answer';
      reject(new ConnectionLostError(message, { cause, initiator: 'remote' }));
    };
    answer.on('data', (chunk: Buffer) => {
      if (!res.write(chunk)) answer.pause();
    });
    res.on('drain', () => answer.resume());
    answer.on('end', () => {
      const trailers = fieldsOf(answer.rawTrailers);
      if (chunked && trailers.length > 0) res.addTrailers(trailers);
      res.end(() => resolve());
    });
    answer.on('error', lost).on('close', () => lost());
    // The caller gets no more of it.
    res.once('close', () => resolve());
    if (req.method === 'HEAD') answer.resume();
  });
}
