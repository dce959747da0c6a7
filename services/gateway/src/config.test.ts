import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '@shop/chassis';
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

it('when several instances are named, then each is a separate address', () => {
  expect(loadGatewayConfig(env).ORDER_URLS).toEqual(['http://127.0.0.1:3001', 'http://127.0.0.1:3011']);
});

it('when tokens are required but no issuer is set, then the gateway does not start and says what is missing', () => {
  for (const GATEWAY_AUTH of ['on', '']) {
    const load = () => loadGatewayConfig({ ...env, GATEWAY_AUTH });
    expect(load).toThrow(ConfigError);
    expect(load).toThrow(/JWKS_URL must say where the keys of the tokens are/);
  }
  expect(loadGatewayConfig({ ...env, GATEWAY_AUTH: '', DEMO_AUTH: 'true' })).toMatchObject({ GATEWAY_AUTH: 'on' });
  expect(loadGatewayConfig({ ...env, GATEWAY_AUTH: 'on', JWKS_URL: 'http://id/keys' })).toMatchObject({
    DEMO_AUTH: false,
  });
});

it.each([
  [{ GATEWAY_AUTH: 'jwt' }, /GATEWAY_AUTH is wrong/],
  [{ JWKS_URL: 'http://id/keys', DEMO_AUTH: 'true' }, /JWKS_URL and DEMO_AUTH=true are both set/],
  [{ JWKS_URL: 'file:///keys' }, /JWKS_URL is wrong/],
])('when authentication is configured as %j, then the gateway does not start', (settings, words) => {
  const load = () => loadGatewayConfig({ ...env, ...settings });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(words);
});

describe('in production', () => {
  const good = { GATEWAY_AUTH: 'on', JWKS_URL: 'https://id/keys', JWT_ISSUER: 'https://id', JWT_AUDIENCE: 'shop' };
  const load = (settings: object) => loadGatewayConfig({ ...env, NODE_ENV: 'production', ...settings });

  it.each([
    [{ GATEWAY_AUTH: 'off' }, /GATEWAY_AUTH is off: whoever can reach/],
    [{ DEMO_AUTH: 'true', JWKS_URL: '' }, /DEMO_AUTH is true: whoever asks gets a token/],
    [{ JWKS_URL: 'http://id/keys' }, /JWKS_URL must begin with https/],
    [{ JWT_ISSUER: '' }, /JWT_ISSUER is missing/],
    [{ JWT_ISSUER: '', JWT_AUDIENCE: '' }, /JWT_ISSUER is missing[\s\S]*JWT_AUDIENCE is missing/],
  ])('when the configuration is good but for %j, then the gateway does not start', (settings, words) => {
    expect(() => load({ ...good, ...settings })).toThrow(ConfigError);
    expect(() => load({ ...good, ...settings })).toThrow(words);
  });

  it('when an issuer, its keys and an audience are named, then it starts; the user is `sub` unless a claim is named', () => {
    expect(load(good)).toMatchObject({ JWT_USER_CLAIM: 'sub' });
    expect(load({ ...good, JWKS_URL: 'http://127.0.0.1:8080/keys' })).toMatchObject({ JWT_USER_CLAIM: 'sub' });
    expect(load({ ...good, JWT_USER_CLAIM: 'shop_user' })).toMatchObject({ JWT_USER_CLAIM: 'shop_user' });
  });
});

it('when limits are not set, then there are defaults, and no proxy and no other origin is trusted', () => {
  expect(loadGatewayConfig(env)).toMatchObject({
    RATE_LIMIT_USER: { requests: 100, seconds: 10 },
    RATE_LIMIT_ADDRESS: { requests: 1_000, seconds: 10 },
    TRUST_PROXY: [],
    TRUST_PROXY_HEADER: 'x-forwarded-for',
    CORS_ORIGINS: [],
    SHED_ABOVE_MS: 250,
  });
});

it('when limits, proxies and origins are set, then they are read; a limit can be off', () => {
  const settings = {
    RATE_LIMIT_USER: 'off',
    RATE_LIMIT_ADDRESS: '50/60',
    TRUST_PROXY: '10.0.0.0/8, 2001:db8::1',
    CORS_ORIGINS: 'https://shop.example, http://localhost:5173',
  };
  expect(loadGatewayConfig({ ...env, ...settings })).toMatchObject({
    RATE_LIMIT_USER: undefined,
    RATE_LIMIT_ADDRESS: { requests: 50, seconds: 60 },
    TRUST_PROXY: ['10.0.0.0/8', '2001:db8::1'],
    CORS_ORIGINS: ['https://shop.example', 'http://localhost:5173'],
  });
});

it.each([
  [{ RATE_LIMIT_USER: '100' }, /RATE_LIMIT_USER is wrong \(expected <requests>\/<seconds>/],
  [{ RATE_LIMIT_ADDRESS: '0/10' }, /RATE_LIMIT_ADDRESS is wrong/],
  [{ TRUST_PROXY: 'true' }, /TRUST_PROXY is wrong \(expected addresses or networks/],
  [{ CORS_ORIGINS: '*' }, /CORS_ORIGINS is wrong \(expected origins/],
  [{ CORS_ORIGINS: 'https://shop.example/' }, /CORS_ORIGINS is wrong/],
])('when protection is configured as %j, then the gateway does not start', (settings, words) => {
  expect(() => loadGatewayConfig({ ...env, ...settings })).toThrow(words);
});
