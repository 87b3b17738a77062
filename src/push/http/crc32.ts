/** The polynomial of CRC-32 (RFC 1952, 8), bits reflected. */
const POLYNOMIAL = 0xedb88320;
const ONE = 0x80000000;

/** Product of two polynomials over GF(2) modulo that of the CRC; bit 31 is the constant term. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  // As a signed number its highest bit is the sign.
  for (let bits = a | 0; bits !== 0; bits <<= 1) {
    if (bits < 0) product ^= factor;
    factor = (factor & 1) === 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x^(2^k) for k from 0 to 31. */
const POWERS: readonly number[] = (() => {
  const powers = [ONE >>> 1];
  for (let k = 1; k < 32; k++) powers.push(multiply(powers[k - 1] ?? 0, powers[k - 1] ?? 0));
  return powers;
})();

/** What appending this many bytes does to a CRC, for {@link appendCrc}: x^(8 · length). */
export function crcShift(length: number): number {
  let shift = ONE;
  // 8 is 2^3. The powers repeat after 32 of them, for the order of x divides 2^32 - 1.
  for (let rest = length, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) shift = multiply(POWERS[k & 31] ?? 0, shift);
  }
  return shift >>> 0;
}

/** The CRC of some bytes followed by others, from the CRCs of both and the shift of the others' length. */
export function appendCrc(crc: number, shift: number, appended: number): number {
  return (multiply(shift, crc) ^ appended) >>> 0;
}
