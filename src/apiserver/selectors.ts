import { badRequest } from './status-error.js';

/** One requirement of a field selector; all of them must hold. */
export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/**
 * Parses a field selector: `metadata.name=a,status.phase!=Running`, where `==` is `=` and a backslash escapes `,`, `=`
 * and itself (apimachinery `fields.ParseSelector`).
 *
 * @throws StatusError (400) for a term without operator or a bad escape.
 */
export function parseFieldSelector(text: string): readonly FieldRequirement[] {
  return splitTerms(text)
    .filter((term) => term !== '')
    .map(parseFieldTerm);
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseFieldTerm(term: string): FieldRequirement {
  for (let at = 0; at < term.length; at++) {
    if (term[at] === '\\') {
      at++;
      continue;
    }
    const found = ['!=', '==', '='].find((operator) => term.startsWith(operator, at));
    if (found === undefined) continue;
    const value = unescapeValue(term.slice(at + found.length), term);
    return { field: term.slice(0, at), operator: found === '!=' ? '!=' : '=', value };
  }
  throw badRequest(`invalid selector: '${term}'; can't understand '${term}'`);
}

function unescapeValue(text: string, term: string): string {
  let value = '';
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '\\') {
      const escaped = text.charAt(++at);
      if (escaped !== '\\' && escaped !== ',' && escaped !== '=') {
        throw badRequest(`invalid field selector: invalid escape sequence in '${term}'`);
      }
      value += escaped;
    } else if (character === '=') {
      throw badRequest(`invalid field selector: unescaped '=' in the value of '${term}'`);
    } else value += character;
  }
  return value;
}

/** Whether an object with these fields fulfils all requirements. Unknown fields count as empty. */
export function matchesFields(
  requirements: readonly FieldRequirement[],
  fields: Readonly<Record<string, string>>,
): boolean {
  return requirements.every(({ field, operator, value }) => ((fields[field] ?? '') === value) === (operator === '='));
}

/** One requirement of a label selector; all of them must hold. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';
  readonly values: readonly string[];
}

const KEY = String.raw`(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?`;
const VALUE = String.raw`(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?`;
const TERM = new RegExp(
  String.raw`^(?:!\s*(?<absent>${KEY})|(?<key>${KEY})(?:\s*(?<operator>==|=|!=|<|>)\s*(?<value>${VALUE})|\s+(?<set>in|notin)\s*\((?<values>[^()]*)\))?)$`,
);
const LEGAL_VALUE = new RegExp(`^${VALUE}$`);

/**
 * Parses a label selector: `a=b`, `a==b`, `a!=b`, `a in (b,c)`, `a notin (b)`, `a`, `!a`, `a>1`, `a<1`, joined by commas
 * (apimachinery `labels.Parse`).
 *
 * @throws StatusError (400) for anything else.
 */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  if (text.trim() === '') return [];
  const terms: string[] = [];
  let start = 0;
  let inside = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '(') inside = true;
    else if (character === ')') inside = false;
    // A comma inside parentheses separates values.
    else if (character === ',' && !inside) {
      terms.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...terms, text.slice(start)].map(parseLabelTerm);
}

function parseLabelTerm(term: string): LabelRequirement {
  const groups = TERM.exec(term.trim())?.groups;
  if (groups === undefined) throw badRequest(`unable to parse requirement: '${term}'`);
  const { absent, key = '', operator, value = '', set, values = '' } = groups;
  if (absent !== undefined) return { key: absent, operator: '!', values: [] };
  if (set !== undefined) {
    const list = values.split(',').map((each) => each.trim());
    if (!list.every((each) => LEGAL_VALUE.test(each))) throw badRequest(`unable to parse requirement: '${term}'`);
    return { key, operator: set === 'in' ? 'in' : 'notin', values: list };
  }
  if (operator === undefined) return { key, operator: 'exists', values: [] };
  if (operator === '>' || operator === '<') {
    if (!/^-?\d+$/.test(value))
      throw badRequest(`unable to parse requirement: '${term}': the value must be an integer`);
    return { key, operator: operator === '>' ? 'gt' : 'lt', values: [value] };
  }
  return { key, operator: operator === '!=' ? 'notin' : 'in', values: [value] };
}

/** Whether these labels fulfil all requirements. */
export function matchesLabels(
  requirements: readonly LabelRequirement[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return requirements.every((requirement) => matchesLabel(requirement, labels));
}

function matchesLabel({ key, operator, values }: LabelRequirement, labels: Readonly<Record<string, string>>): boolean {
  const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return label !== undefined;
    case '!':
      return label === undefined;
    case 'in':
      return label !== undefined && values.includes(label);
    case 'notin':
      return label === undefined || !values.includes(label);
    case 'gt':
      return label !== undefined && /^-?\d+$/.test(label) && BigInt(label) > BigInt(values[0] ?? 0);
    case 'lt':
      return label !== undefined && /^-?\d+$/.test(label) && BigInt(label) < BigInt(values[0] ?? 0);
  }
}
