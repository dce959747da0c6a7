import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { createClientAddress, isNetwork, networkOf } from './client-address.ts';

const request = (remoteAddress: string | undefined, forwarded?: string | string[], header = 'x-forwarded-for') =>
  ({ socket: { remoteAddress }, headers: { [header]: forwarded } }) as unknown as IncomingMessage;

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

describe('an entry of X-Forwarded-For', () => {
  const address = createClientAddress(['10.0.0.0/8', '2001:db8:ffff::/48']);
  it.each([
    ['198.51.100.1:567', '198.51.100.1'],
    ['198.51.100.1:_hidden', '198.51.100.1'],
    ['2001:db9::5', '2001:db9::5'],
    ['[2001:db9::5]', '2001:db9::5'],
    ['[2001:db9::5]:443', '2001:db9::5'],
    ['[fe80::1%eth0]:443', 'fe80::1'],
    ['[::ffff:198.51.100.1]:443', '198.51.100.1'],
    ['::ffff:c633:6401', '198.51.100.1'],
    ['0:0:0:0:0:ffff:198.51.100.1', '198.51.100.1'],
    ['9.9.9.9, 198.51.100.1:80, 10.0.0.7:8080', '198.51.100.1'],
    ['9.9.9.9,198.51.100.1,[2001:db8:ffff::7]:80', '198.51.100.1'],
  ])('when it is %s, then it is the address %s, whatever its form', (text, expected) => {
    expect(address(request('10.0.0.1', text))).toBe(expected);
  });

  it.each([
    '',
    ',',
    '1.1.1.1,',
    '1.1.1.1, ',
    '1.1.1.1, unknown',
    '1.1.1.1, _hidden',
    '1.1.1.1, 198.51.100.1:',
    '1.1.1.1, 198.51.100.1:port',
    '1.1.1.1, 198.51.100.1:123456',
    '1.1.1.1, 198.51.100.01',
    '1.1.1.1, 198.51.100.256:80',
    '1.1.1.1, 198.51.100.1 198.51.100.2',
    '1.1.1.1, [198.51.100.1]:80',
    '1.1.1.1, [2001:db9::5',
    '1.1.1.1, 2001:db9::5]',
    '1.1.1.1, [[2001:db9::5]]',
    '1.1.1.1, [2001:db9::5]x',
    '1.1.1.1, for=198.51.100.1',
    '1.1.1.1, 0x7f.1',
    `1.1.1.1, ${'['.repeat(8_000)}`,
    `1.1.1.1, 198.51.100.1:_${'-'.repeat(8_000)}!`,
  ])('when it is %j, then it names no address, and nothing to its left is believed', (text) => {
    expect(address(request('10.0.0.1', text))).toBe('10.0.0.1');
  });
});

describe('the address of a client by Forwarded (RFC 7239)', () => {
  const address = createClientAddress(['10.0.0.0/8', '2001:db8:ffff::/48'], 'forwarded');
  const of = (text: string | string[]) => address(request('10.0.0.1', text, 'forwarded'));

  it.each([
    ['for=198.51.100.1', '198.51.100.1'],
    ['For="198.51.100.1:4711"', '198.51.100.1'],
    ['for=198.51.100.1:4711', '198.51.100.1'],
    ['for="[2001:db9::5]"', '2001:db9::5'],
    ['for="[2001:db9::5]:4711"', '2001:db9::5'],
    ['for="\\[2001:db9::5]:_port"', '2001:db9::5'],
    ['proto=https;by=203.0.113.43;for=198.51.100.1;host=shop.example', '198.51.100.1'],
    ['; proto=https ; for=198.51.100.1 ;', '198.51.100.1'],
    ['for=9.9.9.9, for=198.51.100.1, for=10.0.0.7;proto=http', '198.51.100.1'],
    ['for=9.9.9.9, for="[2001:db9::5]:1", for="[2001:db8:ffff::7]:80"', '2001:db9::5'],
    ['for=198.51.100.1;host="a, for=9.9.9.9"', '198.51.100.1'],
    ['for=198.51.100.1;host="a;for=9.9.9.9"', '198.51.100.1'],
    ['for=198.51.100.1;host="a\\", for=9.9.9.9"', '198.51.100.1'],
  ])('when it is %s, then it is %s', (text, expected) => {
    expect(of(text)).toBe(expected);
  });

  it.each(['for="', 'for="9.9.9.9', 'for="a\\', '"', ';;"', 'for=9.9.9.9;for="', ', ', 'host="x'])(
    'when a client begins with %j, then what the proxy wrote after it counts all the same',
    (own) => {
      expect(of(`${own}, for=198.51.100.1`)).toBe('198.51.100.1');
      expect(of([own, 'for="[2001:db9::5]:1"'])).toBe('2001:db9::5');
    },
  );

  it.each([
    '',
    'for=unknown',
    'for="unknown"',
    'for=_hidden',
    'for="_SEVKISEK"',
    'for=',
    'for',
    'for=""',
    'by=198.51.100.1',
    'for=198.51.100.1;for=198.51.100.2',
    'for=198.51.100.1 for=198.51.100.2',
    'for=198.51.100.1;"',
    'for = 198.51.100.1',
    'for="2001:db9::5]:1"',
    'for="[2001:db9::5]:99999999"',
    '198.51.100.1',
    `for="${'\\'.repeat(8_000)}`,
    `for="${'a'.repeat(8_000)}"`,
  ])('when the proxy wrote %j, then it names no address, and nothing to its left is believed', (text) => {
    expect(of(`for=9.9.9.9, ${text}`)).toBe('10.0.0.1');
  });

  it('when the proxies write one of the two headers, then the other is a client’s own', () => {
    const both = (forwarded: string, list: string) =>
      ({
        socket: { remoteAddress: '10.0.0.1' },
        headers: { forwarded, 'x-forwarded-for': list },
      }) as unknown as IncomingMessage;
    expect(address(both('for=198.51.100.1', '9.9.9.9'))).toBe('198.51.100.1');
    expect(createClientAddress(['10.0.0.0/8'])(both('for=9.9.9.9', '198.51.100.1'))).toBe('198.51.100.1');
  });

  it('when a header is as long as may be and all of quotes, then it is read at once', () => {
    for (const hostile of ['"', '\\"', '",', '\\', ';"', 'for="']) {
      const long = hostile.repeat(16_000 / hostile.length);
      expect(of(`${long}, for=198.51.100.1`)).toBe('198.51.100.1');
      of(long);
    }
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
