import { TrunklineError } from '../../errors/index.js';
import { ERR_ONLY_SEND_NON_EMPTY_MESSAGES, ERR_STREAM_NAME_REQUIRED } from './constants.js';

/** A client named no stream (`ErrStreamNameRequired` of the original). */
export class StreamNameRequiredError extends TrunklineError {
  readonly code: typeof ERR_STREAM_NAME_REQUIRED = ERR_STREAM_NAME_REQUIRED;

  constructor() {
    super('a stream name is required as part of the query parameters', { initiator: 'remote' });
  }
}

/** A message is empty (`ErrOnlySendNoneEmptyMessages` of the original). */
export class EmptyMessageError extends TrunklineError {
  readonly code: typeof ERR_ONLY_SEND_NON_EMPTY_MESSAGES = ERR_ONLY_SEND_NON_EMPTY_MESSAGES;

  constructor() {
    super('you cannot send the empty string as a message over SSE');
  }
}
