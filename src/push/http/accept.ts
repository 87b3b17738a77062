/** The q-values of an `Accept` or `Accept-Encoding` field (RFC 9110, 12.4.2) by lower-case name. */
function parseWeights(field: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const part of field.split(',')) {
    const [name = '', ...parameters] = part.split(';');
    const key = name.trim().toLowerCase();
    if (key === '') continue;
    let weight = 1;
    for (const parameter of parameters) {
      const match = /^\s*q\s*=\s*(\S*)\s*$/i.exec(parameter);
      if (match === null) continue;
      // What is no weight is taken for none being wanted.
      weight = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(match[1] ?? '') ? Number(match[1]) : 0;
    }
    // Of repeats the more willing counts.
    weights.set(key, Math.max(weight, weights.get(key) ?? 0));
  }
  return weights;
}

/** Whether a client takes a media type. The most specific range decides; no field, or an empty one, accepts everything. */
export function acceptsType(field: string | undefined, type: string): boolean {
  if (field === undefined || field.trim() === '') return true;
  const weights = parseWeights(field);
  const family = type.slice(0, type.indexOf('/'));
  return (weights.get(type) ?? weights.get(`${family}/*`) ?? weights.get('*/*') ?? 0) > 0;
}

/** How the bytes of a response are coded. */
export type Coding = 'identity' | 'gzip' | 'br';

/**
 * The coding to send: gzip unless the client would rather have none; brotli when gzip is not acceptable. A client that says
 * nothing gets `identity`, and so does one that accepts nothing at all.
 */
export function chooseCoding(field: string | undefined): Coding {
  if (field === undefined) return 'identity';
  const weights = parseWeights(field);
  const any = weights.get('*');
  const gzip = weights.get('gzip') ?? weights.get('x-gzip') ?? any ?? 0;
  const brotli = weights.get('br') ?? any ?? 0;
  // Not named, it is acceptable, but wanted less than what is.
  const identity = weights.get('identity') ?? 0;
  if (gzip > 0 && gzip >= identity) return 'gzip';
  return brotli > 0 && brotli >= identity ? 'br' : 'identity';
}
