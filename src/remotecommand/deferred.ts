export { deferred } from '../clock/deferred.js';
