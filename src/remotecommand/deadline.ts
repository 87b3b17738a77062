export { within } from '../clock/deadline.js';
