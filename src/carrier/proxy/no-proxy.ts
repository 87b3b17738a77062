import { BlockList, isIP } from 'node:net';
import { domainToASCII } from 'node:url';

/** Whether a host (no brackets, lower case) and port are to be reached without a proxy. */
export type NoProxy = (host: string, port: string) => boolean;

type Rule = (host: string, port: string) => boolean;

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/**
 * Reads a NO_PROXY list, whose entries are divided by commas: `*` for everything; an IP address or CIDR prefix; a domain,
 * which stands for itself and all below it, and with a leading `.` or `*.` only for what is below it. All but prefixes can
 * end in `:port`, for which an IPv6 address is in brackets. What is none of these is ignored.
 *
 * `localhost` and loopback addresses are never proxied. Names are not resolved: an address rule does not match a name.
 *
 * Source: golang.org/x/net `http/httpproxy`.
 */
export function parseNoProxy(text: string): NoProxy {
  const rules: Rule[] = [];
  for (const part of text.split(',')) {
    const entry = part.trim().toLowerCase();
    if (entry === '*') return () => true;
    const rule = parseRule(entry);
    if (rule !== undefined) rules.push(rule);
  }
  return (host, port) => host === 'localhost' || contains(LOOPBACK, host) || rules.some((rule) => rule(host, port));
}

function parseRule(entry: string): Rule | undefined {
  const prefix = /^([^/]+)\/(\d{1,3})$/.exec(entry);
  if (prefix !== null) return prefixRule(prefix[1] ?? '', Number(prefix[2]));
  const [, bracketed, plain, wanted = ''] = /^(?:\[([^\]]*)\]|([^:]*))(?::([^:]*))?$/.exec(entry) ?? [];
  const host = bracketed ?? plain ?? entry;
  if (host === '') return undefined;
  const matches = isIP(host) ? addressRule(host) : domainRule(host);
  return (name, port) => (wanted === '' || wanted === port) && matches(name);
}

function prefixRule(address: string, bits: number): Rule | undefined {
  const family = isIP(address);
  if (family === 0 || bits > (family === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  // `::/0` is no prefix of an IPv4 address; an IPv4 prefix does hold for such an address in IPv6 form.
  return (host) => (family === 4 || isIP(host) === 6) && contains(list, host);
}

function addressRule(address: string): (host: string) => boolean {
  const list = new BlockList();
  list.addAddress(address, isIP(address) === 4 ? 'ipv4' : 'ipv6');
  return (host) => contains(list, host);
}

function contains(list: BlockList, host: string): boolean {
  const family = isIP(host);
  return family !== 0 && list.check(host, family === 4 ? 'ipv4' : 'ipv6');
}

function domainRule(name: string): (host: string) => boolean {
  const below = /^\*?\./.test(name);
  const bare = name.replace(/^\*?\./, '');
  // Hosts of URLs are in this form; what has none matches as it is written, that is, never.
  const domain = domainToASCII(bare) || bare;
  return (host) => isIP(host) === 0 && (host.endsWith(`.${domain}`) || (!below && host === domain));
}
