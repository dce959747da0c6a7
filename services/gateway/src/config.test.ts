import { expect, it } from '@jest/globals';
import { ConfigError } from '@shop/service';
import { loadGatewayConfig } from './config.ts';

const env = {
  PORT: '3000',
  ORDER_URLS: 'http://127.0.0.1:3001, http://127.0.0.1:3011/',
  CATALOG_URLS: 'http://127.0.0.1:3002',
  PAYMENT_URLS: 'http://127.0.0.1:3003',
  COUPON_URLS: 'http://127.0.0.1:3004',
  RANKING_URLS: 'http://127.0.0.1:3005',
  GATEWAY_AUTH: 'off',
  INTERNAL_KEYS: `test:${'k'.repeat(32)}`,
};

it('when several instances are named, then each is an address of its own', () => {
  expect(loadGatewayConfig(env).ORDER_URLS).toEqual(['http://127.0.0.1:3001', 'http://127.0.0.1:3011']);
});

it.each(['on', 'jwt', ''])('when GATEWAY_AUTH is %p, then the gateway does not start and says why', (mode) => {
  const load = () => loadGatewayConfig({ ...env, GATEWAY_AUTH: mode });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(/authentication is not there yet/);
});
