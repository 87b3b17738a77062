export type { Credentials, PodTarget, StreamTarget, UrlTarget } from '../carrier/target.js';
export { attach, exec } from './client.js';
export type {
  AttachOptions,
  ExecOptions,
  ExecResult,
  RemoteCommandTarget,
  TerminalSizeSource,
} from './client-types.js';
export { ExecError, type ExecErrorOptions } from './exec-error.js';
export { remoteCommandHandler, type RemoteCommandHandlerOptions } from './handler.js';
export type { TtyWithStderr } from './query.js';
export { SessionFinishedError } from './session-errors.js';
export type {
  RemoteCommandHandler,
  RemoteCommandProtocol,
  RemoteCommandRequest,
  RemoteCommandResult,
  RemoteCommandSession,
  RunRemoteCommand,
  TerminalSize,
} from './types.js';
