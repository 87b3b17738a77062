import { TrunklineError } from '../errors/index.js';

/** Reason of a session's signal once its result has been delivered: nothing went wrong. */
export class SessionFinishedError extends TrunklineError {
  readonly code = 'ERR_SESSION_FINISHED';

  constructor() {
    super('the session is finished', { initiator: 'local' });
  }
}
