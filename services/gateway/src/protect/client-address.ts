import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { addressesIn, type ProxyHeader, plainAddress } from './forwarded.ts';

/** The client's address, as far as the network shows it. */
export type ClientAddress = (request: IncomingMessage) => string;

const CIDR = /^([0-9a-f.:]+)(?:\/(\d{1,3}))?$/i;

/** Whether a text is an address or a network (`10.0.0.0/8`) that can be trusted. */
export function isNetwork(text: string): boolean {
  const [, address = '', bits] = CIDR.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (bits === undefined || Number(bits) <= (version === 4 ? 32 : 128));
}

/**
 * The address under which a request is counted: the other end of its connection. If that is one of the `trusted`
 * proxies (addresses and networks), `header` is read from its end, as far as proxies wrote it. Entries written by the
 * client itself stand further left and are never trusted. An entry that names no address ends the reading: the request
 * is counted under the proxy that wrote it.
 * @param header the one header that every proxy writes; one that they pass on unread is a client's own
 */
export function createClientAddress(
  trusted: readonly string[],
  header: ProxyHeader = 'x-forwarded-for',
): ClientAddress {
  if (trusted.length === 0) return (request) => plainAddress(request.socket.remoteAddress ?? '');
  const proxies = blockList(trusted);
  const isProxy = (address: string) => proxies.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return (request) => {
    let address = plainAddress(request.socket.remoteAddress ?? '');
    const text = [request.headers[header] ?? []].flat().join(',');
    const before = addressesIn(header, text);
    while (isIP(address) !== 0 && isProxy(address)) {
      const next = before.next();
      if (next.done || next.value === undefined) break;
      address = next.value;
    }
    return address;
  };
}

/**
 * The network counted together: a single IPv4 address, or an IPv6 /64, since one customer gets and may use a whole /64.
 */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head === '' ? [] : head.split(':');
  if (tail !== undefined) {
    const after = tail === '' ? [] : tail.split(':');
    while (groups.length + after.length < 8) groups.push('0');
    groups.push(...after);
  }
  const first = groups.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${first.join(':')}::/64`;
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of networks) {
    const [, address = '', bits] = CIDR.exec(network) ?? [];
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}
