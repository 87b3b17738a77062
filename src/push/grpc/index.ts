export type { CallRefusal, GrpcWatchOptions, WatchAuthorizeResult } from './options.js';
export { grpcWatchService } from './service.js';
export type { CallMetadata, GrpcWatchService, WatchableLog, WatchCall, WatchCaller, WatchMethod } from './types.js';
