export { InvalidArgumentError, MissingPackageError, TrunklineError } from '../errors/index.js';
export type { AccessAction, AccessRequest, AuthorizeAccess } from './access.js';
export { jsonLogger, textLogger, type LineLoggerOptions, type LogLevel } from './logger.js';
export type { PodServerOptions } from './options.js';
export { PodServer, type PodCloseOptions } from './pod-server.js';
export type { PublishedAnswer } from './publish.js';
export type { MeshStreams, PodStatus } from './status.js';
export { TokenFile, type TokenSource } from './tokens.js';
