import { describe, expect, it } from '@jest/globals';
import { readAddresses } from './addresses.ts';
import { connectOwn, expectOnePlace } from './own-schema.ts';
import type { SqlReader } from './sql.ts';

const server = (host: string, port = 3306): SqlReader => ({
  query: async <Row>() => [{ host, port, folder: '/data/' }] as Row[],
});

describe('the connection that changes what another one has read', () => {
  it('when both are on one server, then it may be used', () =>
    expect(expectOnePlace(server('a'), server('a'), 'PAYMENT_DATABASE_URL')).resolves.toBeUndefined());

  it.each([
    ['another machine', server('b')],
    ['another port', server('a', 3307)],
  ])('when it leads to %s, then it is refused and both places are named', (_, own) =>
    expect(expectOnePlace(server('a'), own, 'PAYMENT_DATABASE_URL')).rejects.toThrow(
      /AUDIT_DATABASE_URL and PAYMENT_DATABASE_URL lead to two servers \(a:3306 .*; .*: nothing was changed there/,
    ),
  );

  it("when it leads to another service's schema, then it is refused before it connects", () => {
    const addresses = readAddresses({ PAYMENT_DATABASE_URL: 'mysql://x:x@127.0.0.1:1/shop_order' });
    return expect(connectOwn(server('a'), addresses, 'payment')).rejects.toThrow(
      'PAYMENT_DATABASE_URL leads to the schema shop_order, not shop_payment: nothing was changed there',
    );
  });
});
