export { deferred, type Deferred } from '../clock/deferred.js';
