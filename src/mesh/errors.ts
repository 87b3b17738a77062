import { TrunklineError } from '../errors/index.js';
import type { PodState } from './protocol/messages.js';

/**
 * The pod takes no events now: it is `joining`, and will soon; or `draining` or `closed`, and another pod has to. Over HTTP
 * it is answered by 503.
 */
export class PodNotReadyError extends TrunklineError {
  readonly code = 'ERR_POD_NOT_READY';
  /** What the pod is up to instead. */
  readonly state: PodState | 'closed';

  constructor(state: PodState | 'closed') {
    super(`the pod is ${state}`, { initiator: 'local' });
    this.state = state;
  }
}
