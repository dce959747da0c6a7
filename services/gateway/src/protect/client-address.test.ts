import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { createClientAddress, isNetwork, networkOf } from './client-address.ts';

const request = (remoteAddress: string | undefined, forwarded?: string | string[]) =>
  ({ socket: { remoteAddress }, headers: { 'x-forwarded-for': forwarded } }) as unknown as IncomingMessage;

describe('the address of a client', () => {
  it.each([
    ['nobody is trusted', [], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['the connection is not from a proxy', ['10.0.0.0/8'], '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['a proxy names it', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['the client forged one before', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    [
      'it came over two proxies',
      ['10.0.0.0/8', '192.0.2.7'],
      '10.1.2.3',
      '9.9.9.9, 198.51.100.1, 192.0.2.7',
      '198.51.100.1',
    ],
    ['everybody on the way is a proxy', ['10.0.0.0/8'], '10.1.2.3', '10.0.0.1, 10.0.0.2', '10.0.0.1'],
    ['what the proxy names is no address', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, unknown', '10.1.2.3'],
    ['the proxy names none', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
    ['the socket takes both versions', ['10.0.0.0/8'], '::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['proxy and client speak IPv6', ['2001:db8::/32'], '2001:db8::1', '2001:db9::5', '2001:db9::5'],
    ['the connection is closed', [], undefined, undefined, ''],
  ] as const)('when %s, then that is not confused', (_case, trusted, remote, forwarded, expected) => {
    expect(createClientAddress(trusted)(request(remote, forwarded))).toBe(expected);
  });

  it('when the header comes twice, then its last line counts', () => {
    const address = createClientAddress(['10.0.0.1']);
    expect(address(request('10.0.0.1', ['1.1.1.1', '198.51.100.1']))).toBe('198.51.100.1');
  });
});

describe('the network that is counted together', () => {
  it.each([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002:ffff::', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['fe80::1:2:3:4', 'fe80:0:0:0::/64'],
    ['64:ff9b::192.0.2.33', '64:ff9b:0:0::/64'],
  ])('when the address is %s, then it is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

it.each([
  ['10.0.0.0/8', true],
  ['192.0.2.1', true],
  ['2001:db8::/32', true],
  ['10.0.0.0/33', false],
  ['localhost', false],
  ['true', false],
  ['', false],
])('when %p is to be trusted, then it is a network or it is not (%p)', (text, expected) => {
  expect(isNetwork(text)).toBe(expected);
});
