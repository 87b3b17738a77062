/** Path on the internal port that events of pods without links are posted to. */
export const PEER_ENDPOINT_URL_PATH = '/api/json/v1/send';

/** Query parameter that names the stream which a client follows. */
export const QUERY_PARAMETER_NAME = 'stream';

/** `code` of the error, and of the answer 400, for a client that names no stream. */
export const ERR_STREAM_NAME_REQUIRED = 'ERR_STREAM_NAME_REQUIRED';

/** `code` of the error for an empty message, which clients might take for none. */
export const ERR_ONLY_SEND_NON_EMPTY_MESSAGES = 'ERR_ONLY_SEND_NON_EMPTY_MESSAGES';

/**
 * Header of what this package posts: the run that the event is of. Who has links takes no event that carries it, for it gets
 * the same event over a link.
 */
export const ORIGIN_HEADER = 'Trunkline-Origin';
