export { abort, splice, type SpliceFailure } from '../mux/splice.js';
