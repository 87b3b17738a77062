/** Path on the internal port at which links are upgraded. */
export const LINK_PATH = '/mesh/v1/link';
/** Header of a stream of a link that says which lane it is. */
export const LANE_HEADER = 'lane';
/** What an acceptor wants to have proved, in its 401. */
export const CHALLENGE_HEADER = 'Trunkline-Challenge';
/** The dialler's own fresh number, the challenge that it answers, and its proof. */
export const NONCE_HEADER = 'Trunkline-Nonce';
export const PROOF_HEADER = 'Trunkline-Proof';
