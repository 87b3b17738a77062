import { ProtocolError } from '../errors/index.js';
import type { Status } from '../httpstream/index.js';
import { ExecError } from './exec-error.js';
import { carriesStatus } from './protocol.js';
import type { RemoteCommandProtocol, RemoteCommandResult } from './types.js';

/** Reason of a Status that carries an exit code (apimachinery `remotecommand.NonZeroExitCodeReason`). */
export const NON_ZERO_EXIT_CODE = 'NonZeroExitCode';
/** Type of the cause whose message is the exit code (`ExitCodeCauseType`); its JSON name is `reason`. */
export const EXIT_CODE = 'ExitCode';

const LARGEST_EXIT_CODE = 255;

/**
 * The Status that tells a client how a command ended, with the texts of the kubelet's `ServeExec`. An exit code outside
 * 0 to 255 becomes an internal error; an `ExecError` keeps the Status it carries.
 */
export function statusOf(result: RemoteCommandResult, command: readonly string[] = []): Status {
  if (result instanceof ExecError) return result.status;
  if (result instanceof Error) return internalError(result.message);
  if (typeof result !== 'number') return result;
  if (result === 0) return { metadata: {}, status: 'Success' };
  if (!Number.isInteger(result) || result < 0 || result > LARGEST_EXIT_CODE) {
    return internalError(`exit code ${result} is not a whole number from 0 to ${LARGEST_EXIT_CODE}`);
  }
  const executing = command.length === 0 ? '' : `error executing command [${command.join(' ')}], `;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: ${executing}exit code ${result}`,
    reason: NON_ZERO_EXIT_CODE,
    details: { causes: [{ reason: EXIT_CODE, message: String(result) }] },
  };
}

function internalError(message: string): Status {
  const text = `error executing command in container: ${message}`;
  return {
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${text}`,
    reason: 'InternalError',
    details: { causes: [{ message: text }] },
    code: 500,
  };
}

/** What goes over the error stream for `status`: JSON from v4 on, before that the message, and nothing for success. */
export function encodeStatus(status: Status, protocol: RemoteCommandProtocol): string {
  if (carriesStatus(protocol)) return JSON.stringify(status);
  if (status.status === 'Success') return '';
  return status.message || status.reason || 'unknown error';
}

/** What an error stream said: how the command ended, with the Status where there was one. */
export interface DecodedStatus {
  readonly exitCode: number;
  readonly status: Status | undefined;
}

/**
 * Reads the whole text of an error stream. The cases are those of client-go's `errorDecoderV4` and `errorDecoderV2`.
 * `undefined`: no text from v4 on, which is no report at all; client-go takes it for success.
 *
 * @throws ExecError when the server reports a failure other than an exit code; ProtocolError when the text is not what
 * the protocol asks for.
 */
export function decodeStatus(text: string, protocol: RemoteCommandProtocol): DecodedStatus | undefined {
  if (!carriesStatus(protocol)) {
    if (text === '') return { exitCode: 0, status: undefined };
    throw new ExecError(`error executing remote command: ${text}`, { status: 'Failure', message: text });
  }
  if (text === '') return undefined;
  const status = parseObject(text);
  if (status.status === 'Success') return { exitCode: 0, status };
  if (status.status !== 'Failure') throw new ExecError('unknown error', status);
  if (status.reason === NON_ZERO_EXIT_CODE) return { exitCode: exitCodeOf(status), status };
  throw new ExecError(messageOf(status), status);
}

function messageOf(status: Status): string {
  for (const text of [status.message, status.reason]) if (typeof text === 'string' && text !== '') return text;
  return 'unknown error';
}

function parseObject(text: string): Status {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError(`error stream protocol error: not JSON: ${excerpt(text)}`, { cause, initiator: 'remote' });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Status;
  throw new ProtocolError(`error stream protocol error: not a Status: ${excerpt(text)}`, { initiator: 'remote' });
}

function exitCodeOf(status: Status): number {
  const { details } = status;
  if (typeof details !== 'object' || details === null) {
    throw new ProtocolError('error stream protocol error: details must be set', { initiator: 'remote' });
  }
  const causes: unknown = details.causes;
  for (const cause of Array.isArray(causes) ? (causes as unknown[]) : []) {
    if (typeof cause !== 'object' || cause === null || !('reason' in cause) || cause.reason !== EXIT_CODE) continue;
    const message = 'message' in cause ? cause.message : undefined;
    if (typeof message === 'string' && /^\d+$/.test(message) && Number(message) <= LARGEST_EXIT_CODE) {
      return Number(message);
    }
    throw new ProtocolError(
      `error stream protocol error: invalid exit code value ${excerpt(JSON.stringify(message) ?? '')}`,
      { initiator: 'remote' },
    );
  }
  throw new ProtocolError(`error stream protocol error: no ${EXIT_CODE} cause given`, { initiator: 'remote' });
}

function excerpt(text: string): string {
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text);
}
