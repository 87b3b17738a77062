/** `Connection` request and response header. */
export const HEADER_CONNECTION = 'Connection';
/** `Upgrade` request and response header. */
export const HEADER_UPGRADE = 'Upgrade';
/** Carries the stream protocols that a client offers, and the one that the server chose. */
export const HEADER_PROTOCOL_VERSION = 'X-Stream-Protocol-Version';
/** Lists what the server would have accepted, beside a 403. */
export const HEADER_ACCEPTED_PROTOCOL_VERSIONS = 'X-Accepted-Stream-Protocol-Versions';
