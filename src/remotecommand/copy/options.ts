import { TARGET_NAMES } from '../../carrier/target.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import type { AttachOptions } from '../client-types.js';

/** How far a copy is. */
export interface CopyProgress {
  /** The file that is being copied: its name in the archive, which begins with the name of the file or folder copied. */
  readonly path: string;
  /** Bytes of file contents so far, of all files together. */
  readonly bytes: number;
  /** Bytes in all; known only when a single file is copied. */
  readonly totalBytes?: number;
  /** Files that are complete. */
  readonly files: number;
}

/** Something that was left out or is otherwise not as one would expect, while the copy went on. */
export interface CopyWarning {
  /** Name in the archive; absent for what tar wrote to stderr although it succeeded. */
  readonly path?: string;
  readonly message: string;
}

/** How anything is copied. */
export interface CopyOptions extends Pick<
  AttachOptions,
  'container' | 'signal' | 'transport' | 'pingPeriod' | 'limits' | 'clock'
> {
  /** Called for each piece that is handed on, and when a file is complete. What it throws ends the copy. */
  readonly onProgress?: (progress: CopyProgress) => void;
  /** Told of everything that is left out. Default: nobody is told, but {@link CopyResult} counts. */
  readonly onWarning?: (warning: CopyWarning) => void;
}

/** How files and folders are copied. */
export interface CopyTreeOptions extends CopyOptions {
  /** Copy what symbolic links point to in place of the links. Default false. */
  readonly followLinks?: boolean;
}

/** How a file is brought into a container. */
export interface CopyFileOptions extends CopyOptions {
  /**
   * Give a file its name only when it is whole: until then it has a temporary one (`.trunkline-….partial`), and a copy that
   * fails removes it if it still can. Only for single files; takes `mv` and `rm` in the container. Default false: whatever
   * came before the failure is there, under the file's name.
   */
  readonly atomic?: boolean;
}

/** How {@link copyTo} copies. */
export interface CopyToOptions extends CopyTreeOptions, CopyFileOptions {}

/** What a stream is to become. */
export interface CopyStreamOptions extends CopyFileOptions {
  /** Bytes that the stream gives: tar has to know before. */
  readonly size: number;
  /** Permission bits. Default `0o644`. */
  readonly mode?: number;
  /** Default: now. */
  readonly mtime?: Date;
}

/** What was copied. */
export interface CopyResult {
  readonly files: number;
  /** Bytes of file contents. */
  readonly bytes: number;
  /** How many warnings there were. */
  readonly warnings: number;
}

const OPTIONS: OptionNames<CopyToOptions & CopyStreamOptions> = {
  container: true,
  signal: true,
  transport: true,
  pingPeriod: true,
  limits: true,
  clock: true,
  onProgress: true,
  onWarning: true,
  followLinks: true,
  atomic: true,
  size: true,
  mode: true,
  mtime: true,
};

/** Refuses misspelt options. All copies tolerate what one of them takes. @throws InvalidArgumentError */
export function checkCopyOptions(options: CopyOptions): void {
  checkOptionNames('a copy', options, OPTIONS, TARGET_NAMES);
}
