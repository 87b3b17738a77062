import type { IncomingMessage } from 'node:http';
import type { Status } from '../../httpstream/index.js';

/** Why a request is turned away. */
export interface Refusal {
  /** HTTP status, 400 to 599. */
  readonly code: number;
  readonly message: string;
  /** Default: made of code and message. */
  readonly status?: Status;
}

/** Looks at a request; what it returns is answered instead of the upgrade. */
export type Verify = (req: IncomingMessage) => Refusal | undefined | Promise<Refusal | undefined>;
