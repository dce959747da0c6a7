import { loadConfig, serviceConfig } from '@shop/service';
import { z } from 'zod';

const urls = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim().replace(/\/+$/, '')))
  .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1));

export const gatewayConfigSchema = z.object({
  HOST: serviceConfig.HOST,
  PORT: serviceConfig.PORT,
  INTERNAL_KEYS: serviceConfig.INTERNAL_KEYS,
  INSTANCE_ID: serviceConfig.INSTANCE_ID,
  LOG_LEVEL: serviceConfig.LOG_LEVEL,
  RECOVERY: serviceConfig.RECOVERY,
  ORDER_URLS: urls.describe('instances of the order service, http://host:port, comma separated'),
  CATALOG_URLS: urls.describe('instances of the catalog service'),
  PAYMENT_URLS: urls.describe('instances of the payment service'),
  COUPON_URLS: urls.describe('instances of the coupon service'),
  RANKING_URLS: urls.describe('instances of the ranking service'),
  GATEWAY_AUTH: z
    .literal('off', { error: 'authentication is not there yet: the only mode is `off`' })
    .describe(
      'must be `off`, since authentication is not there yet: whoever can reach the gateway may act for any user',
    ),
  UPSTREAM_TIMEOUT_MS: z.coerce
    .number()
    .int()
    .min(100)
    .default(35_000)
    .describe(
      'longest silence of a service before its request is given up, ms; longer than the longest Prefer: wait (30 s)',
    ),
  MAX_IN_FLIGHT: z.coerce
    .number()
    .int()
    .min(1)
    .default(5_000)
    .describe('most requests at once for one service; further ones are answered 503'),
  MAX_STREAMS: z.coerce
    .number()
    .int()
    .min(1)
    .default(8_000)
    .describe('most streams at once, besides the requests; each takes two file descriptors; further ones get 503'),
});

export type GatewayConfig = Readonly<z.output<typeof gatewayConfigSchema>>;

/** @throws {ConfigError} */
export function loadGatewayConfig(env: NodeJS.ProcessEnv = process.env): GatewayConfig {
  return loadConfig(gatewayConfigSchema, env);
}
