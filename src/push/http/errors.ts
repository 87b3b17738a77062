import { TrunklineError } from '../../errors/index.js';

/** A request asks for something that cannot be asked for; answered with 400. */
export class BadRequestError extends TrunklineError {
  static override readonly name: string = 'BadRequestError';
  readonly code = 'ERR_BAD_REQUEST';
}
