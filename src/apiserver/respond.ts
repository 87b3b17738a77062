import type { ServerResponse } from 'node:http';
import type { StatusError } from './status-error.js';

/** Answers with JSON. */
export function sendJSON(
  response: ServerResponse,
  value: unknown,
  code = 200,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = Buffer.from(JSON.stringify(value) + '\n');
  response.writeHead(code, {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  });
  response.end(body);
}

/** Answers with plain text. */
export function sendText(response: ServerResponse, text: string): void {
  response.writeHead(200, {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
    'Cache-Control': 'no-cache, private',
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(text);
}

/** Answers with an error. When an answer has begun it is cut off, so that the client does not take it for a whole one. */
export function sendError(response: ServerResponse, { status, headers }: StatusError): void {
  if (response.headersSent) response.destroy();
  else sendJSON(response, status, status.code, headers);
}
