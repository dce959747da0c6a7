import { describe, expect, it } from '@jest/globals';
import { readAddresses } from './addresses.ts';

describe('addresses', () => {
  it('when the environment is empty but for a port offset, then addresses are the local stack’s, moved by it', () => {
    expect(readAddresses({ SHOP_PORT_OFFSET: '1000' })).toMatchObject({
      gateway: 'http://127.0.0.1:4000',
      auditDatabase: 'mysql://shop_audit:shop_audit@127.0.0.1:14306/',
      brokers: ['127.0.0.1:20092'],
      redis: 'redis://127.0.0.1:17379',
      dataPlatform: 'http://127.0.0.1:4006/events',
      services: { payment: { database: 'mysql://shop_payment:shop_payment@127.0.0.1:14306/shop_payment' } },
    });
  });

  it('when the environment has addresses, then these are used, one for each instance', () => {
    const { services, gateways } = readAddresses({ ORDER_URLS: 'http://a:1/, http://b:2', GATEWAY_URLS: 'http://g' });
    expect(services.order.urls).toEqual(['http://a:1', 'http://b:2']);
    expect(gateways).toEqual(['http://g']);
  });

  it.each([
    [{ SHOP_PORT_OFFSET: 'x' }, 'SHOP_PORT_OFFSET'],
    [{ AUDIT_DATABASE_URL: 'nowhere' }, 'AUDIT_DATABASE_URL is "nowhere"; it must be a URL'],
  ])('when a variable is unusable, then it is refused in words: %o', (env, words) => {
    expect(() => readAddresses(env)).toThrow(words);
  });
});
