export type { Credentials, PodTarget, StreamTarget, UrlTarget } from '../carrier/target.js';
export { attach, exec } from './client.js';
export type {
  AttachOptions,
  ExecOptions,
  ExecResult,
  RemoteCommandTarget,
  TerminalSizeSource,
} from './client-types.js';
export {
  CopyError,
  copyFrom,
  copyStreamFrom,
  copyStreamTo,
  copyTarFrom,
  copyTarTo,
  copyTo,
  type CopyErrorOptions,
  type CopyFailure,
  type CopyFileOptions,
  type CopyOptions,
  type CopyProgress,
  type CopyResult,
  type CopyStreamOptions,
  type CopyToOptions,
  type CopyTreeOptions,
  type CopyWarning,
} from './copy/index.js';
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
