/**
 * As much of Node's `Buffer` as the parser of event streams uses, for the browser. The bundler puts it in
 * there (`scripts/bundle-dashboard.js`).
 */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

class PageBuffer extends Uint8Array<ArrayBuffer> {
  copy(target: Uint8Array, targetStart = 0, start = 0, end: number = this.length): number {
    const source = this.subarray(start, end);
    target.set(source, targetStart);
    return source.length;
  }

  override toString(_encoding = 'utf8', start = 0, end: number = this.length): string {
    return decoder.decode(this.subarray(start, end));
  }
}

const PageBuffers = {
  from(source: ArrayBuffer | string, offset = 0, length?: number): PageBuffer {
    if (typeof source !== 'string') return new PageBuffer(source, offset, length);
    const bytes = encoder.encode(source);
    return new PageBuffer(bytes.buffer, bytes.byteOffset, bytes.length);
  },
  isBuffer: (value: unknown): value is PageBuffer => value instanceof PageBuffer,
  allocUnsafeSlow: (length: number): PageBuffer => new PageBuffer(new ArrayBuffer(length)),
};

export { PageBuffers as Buffer };
