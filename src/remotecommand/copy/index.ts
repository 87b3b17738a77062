export { copyFrom, copyStreamFrom, copyTarFrom } from './copy-from.js';
export { copyStreamTo, copyTarTo, copyTo, type CopyStreamOptions } from './copy-to.js';
export { CopyError, type CopyErrorOptions, type CopyFailure } from './error.js';
export type {
  CopyFileOptions,
  CopyOptions,
  CopyProgress,
  CopyResult,
  CopyToOptions,
  CopyTreeOptions,
  CopyWarning,
} from './options.js';
