export { copyFrom, copyStreamFrom, copyTarFrom } from './copy-from.js';
export { copyStreamTo, copyTarTo, copyTo } from './copy-to.js';
export { CopyError, type CopyErrorOptions, type CopyFailure } from './error.js';
export type {
  CopyFileOptions,
  CopyOptions,
  CopyProgress,
  CopyResult,
  CopyStreamOptions,
  CopyToOptions,
  CopyTreeOptions,
  CopyWarning,
} from './options.js';
