import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  it('when only the user of a service is named, then the same changes its tables, and no local server is', () => {
    const ORDER_DATABASE_URL = 'mysql://shop_order:x@db.prod:3306/shop_order';
    const { order, payment } = readAddresses({ ORDER_DATABASE_URL }).services;
    expect(order.migrationDatabase).toBe(ORDER_DATABASE_URL);
    expect(payment.migrationDatabase).toContain('shop_payment_migration');
  });

  it('when a file names the brokers, then the topics are not the local stack’s', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'addresses-')), 'brokers');
    writeFileSync(file, 'k1.prod:9093\n');
    const { brokers, topics } = readAddresses({ KAFKA_BROKERS_FILE: file });
    expect(brokers).toEqual(['k1.prod:9093']);
    expect(topics().partitions).toBe(24);
  });

  it('when the environment has addresses, then these are used, one for each instance', () => {
    const { services, gateways } = readAddresses({ ORDER_URLS: 'http://a:1/, http://b:2', GATEWAY_URLS: 'http://g' });
    expect(services.order.urls).toEqual(['http://a:1', 'http://b:2']);
    expect(gateways).toEqual(['http://g']);
  });

  it.each([
    [{ SHOP_PORT_OFFSET: 'x' }, 'SHOP_PORT_OFFSET'],
    [{ AUDIT_DATABASE_URL: 'nowhere' }, /^AUDIT_DATABASE_URL is no URL$/],
  ])('when a variable is unusable, then it is refused in words: %o', (env, words) => {
    expect(() => readAddresses(env)).toThrow(words);
  });
});
