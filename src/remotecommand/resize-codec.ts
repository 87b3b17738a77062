import { InvalidArgumentError } from '../errors/index.js';
import type { TerminalSize } from './types.js';

const LARGEST = 0xffff;
// An honest size takes 31 characters; longer ones are noise.
const LONGEST_OBJECT = 1024;

/**
 * One terminal size as the wire has it: a line of JSON with capitalised names.
 *
 * @throws InvalidArgumentError for a side that is no whole number from 0 to 65,535.
 */
export function encodeSize(size: TerminalSize): string {
  if (!isSide(size.width) || !isSide(size.height)) {
    throw new InvalidArgumentError(
      `terminal size must be whole numbers from 0 to ${LARGEST}, not ${String(size.width)} × ${String(size.height)}`,
    );
  }
  return `{"Width":${size.width},"Height":${size.height}}\n`;
}

/**
 * Takes terminal sizes out of text that arrives in pieces. As with Go's decoder, objects need no line break between
 * them (client-node sends none) and names may be of any case. What is no size is skipped.
 */
export class SizeDecoder {
  #text = '';
  #skipping = false;

  /** The sizes that `text` completes. */
  decode(text: string): TerminalSize[] {
    const sizes: TerminalSize[] = [];
    const pieces = text.split('}');
    const rest = pieces.pop() ?? '';
    for (const piece of pieces) {
      const object = this.#skipping ? '' : `${this.#text}${piece}}`;
      this.#text = '';
      this.#skipping = false;
      const size = object.length > LONGEST_OBJECT ? undefined : parseSize(object);
      if (size !== undefined) sizes.push(size);
    }
    if (this.#skipping || this.#text.length + rest.length > LONGEST_OBJECT) {
      this.#text = '';
      this.#skipping = true;
    } else {
      this.#text += rest;
    }
    return sizes;
  }
}

function parseSize(text: string): TerminalSize | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  // A name that is left out is zero, as in Go.
  let width: unknown = 0;
  let height: unknown = 0;
  for (const [name, side] of Object.entries(value)) {
    if (name.toLowerCase() === 'width') width = side;
    else if (name.toLowerCase() === 'height') height = side;
  }
  return isSide(width) && isSide(height) ? { width, height } : undefined;
}

function isSide(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST;
}
