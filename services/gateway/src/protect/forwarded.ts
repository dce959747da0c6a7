import { isIP } from 'node:net';

/** The headers in which proxies name the other end of their connection. */
export const PROXY_HEADERS = ['x-forwarded-for', 'forwarded'] as const;
export type ProxyHeader = (typeof PROXY_HEADERS)[number];

/**
 * The addresses in a header, from its right end, where the nearest proxy wrote: undefined for an entry that names none
 * (`unknown`, an obfuscated name, anything malformed). The left part may be a client's own text. It is not read before
 * the entries to its right, so nothing in it, such as an open quote, can change them.
 */
export function addressesIn(header: ProxyHeader, text: string): IterableIterator<string | undefined> {
  return header === 'forwarded' ? inForwarded(text) : inList(text);
}

/** X-Forwarded-For: addresses separated by commas, some proxies add the port. */
function* inList(text: string): Generator<string | undefined> {
  for (let end = text.length; end >= 0; ) {
    const comma = text.lastIndexOf(',', end - 1);
    const from = end === 0 ? 0 : comma + 1;
    yield addressOf(text.slice(from, end).trim());
    end = end === 0 ? -1 : comma;
  }
}

/** Forwarded (RFC 7239): `for="[2001:db8::1]:4711";proto=https, for=192.0.2.1`. */
function* inForwarded(text: string): Generator<string | undefined> {
  let end = text.length;
  while (end >= 0) {
    const comma = separatorBefore(text, end, ',');
    yield forOf(text.slice(comma + 1, end));
    end = comma;
  }
}

/** The last `separator` before `end` that is not inside quotes, or -1. */
function separatorBefore(text: string, end: number, separator: string): number {
  let quoted = false;
  for (let i = end - 1; i >= 0; i--) {
    const character = text[i];
    if (character === '"' && !(quoted && isEscaped(text, i))) quoted = !quoted;
    else if (character === separator && !quoted) return i;
  }
  return -1;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text[at - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

const PAIR = /^\s*([\w!#$%&'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s",;=]+))\s*$/;

/** The address in `for` of one element; undefined when it has none, several, or a part that is no `name=value`. */
function forOf(element: string): string | undefined {
  let found: string | undefined;
  for (let end = element.length; end >= 0; ) {
    const from = separatorBefore(element, end, ';');
    const part = element.slice(from + 1, end);
    end = from;
    if (part.trim() === '') continue;
    const [, name, quoted, token] = PAIR.exec(part) ?? [];
    if (name === undefined) return undefined;
    if (name.toLowerCase() !== 'for') continue;
    if (found !== undefined) return undefined;
    found = quoted?.replaceAll(/\\(.)/g, '$1') ?? token;
  }
  return found === undefined ? undefined : addressOf(found);
}

/** `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`; a port may be obfuscated (`_a`). */
const PORT = '(?::(?:\\d{1,5}|_[\\w.-]+))?';
const NODE = new RegExp(`^(?:([\\d.]+)${PORT}|\\[([^\\]]+)\\]${PORT})$`);

function addressOf(node: string): string | undefined {
  if (isIP(node) !== 0) return plainAddress(node);
  const [, four, six] = NODE.exec(node) ?? [];
  if (four !== undefined && isIP(four) === 4) return four;
  return six !== undefined && isIP(six) === 6 ? plainAddress(six) : undefined;
}

/**
 * An address in the form in which it is counted. A dual-stack socket shows an IPv4 client as `::ffff:192.0.2.1`, and a
 * proxy may write that in hexadecimal; an IPv6 client may add its interface after a %.
 */
export function plainAddress(address: string): string {
  if (!address.includes(':')) return address;
  const six = address.split('%')[0] ?? address;
  if (!/ffff:/i.test(six) || isIP(six) !== 6) return six;
  const [, high, low] = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(new URL(`http://[${six}]`).hostname) ?? [];
  if (high === undefined || low === undefined) return six;
  const bits = [high, low].map((part) => Number.parseInt(part, 16));
  return bits.flatMap((part) => [part >> 8, part & 255]).join('.');
}
