import {
  ConfigError,
  isLoopback,
  loadConfig,
  redisVariables,
  samplingVariables,
  serviceConfig,
  switchVariable,
} from '@shop/chassis';
import { z } from 'zod';
import { SERVICE_NAMES, type ServiceName, urlsVariable, WITH_VARIABLE } from '../../services.ts';
import { isNetwork } from './protect/client-address.ts';
import { PROXY_HEADERS } from './protect/forwarded.ts';
import type { UpstreamName } from './routes.ts';

const urls = z
  .string()
  .transform((text) => text.split(',').map((url) => url.trim().replace(/\/+$/, '')))
  .pipe(z.array(z.url({ protocol: /^https?$/ })).min(1));

const list = z.string().transform((text) => text.split(',').map((part) => part.trim()));

/** `<requests>/<seconds>`, or `off`. */
const rateLimit = z
  .string()
  .regex(/^(off|[1-9]\d{0,8}\/[1-9]\d{0,4})$/, 'expected <requests>/<seconds>, such as 100/10, or off')
  .transform((text) => {
    if (text === 'off') return undefined;
    const [requests = 0, seconds = 0] = text.split('/').map(Number);
    return { requests, seconds };
  });

const milliseconds = (least: number) => z.coerce.number().int().min(least);

/** `ORDER_URLS` and the like: one variable for each service that runs here. */
function serviceUrls() {
  const row = (name: ServiceName) =>
    [urlsVariable(name), urls.describe(`instances of ${name}, http://host:port, comma separated`)] as const;
  return Object.fromEntries(SERVICE_NAMES.map(row)) as Record<UrlsVariable, typeof urls>;
}

type UrlsVariable = ReturnType<typeof urlsVariable<ServiceName>>;

export const gatewayConfigSchema = z.object({
  NODE_ENV: z.string().optional().describe('production: nothing that is for development only is allowed'),
  HOST: serviceConfig.HOST,
  PORT: serviceConfig.PORT,
  METRICS_HOST: serviceConfig.METRICS_HOST,
  METRICS_PORT: serviceConfig.METRICS_PORT,
  INTERNAL_KEYS: serviceConfig.INTERNAL_KEYS,
  INSTANCE_ID: serviceConfig.INSTANCE_ID,
  LOG_LEVEL: serviceConfig.LOG_LEVEL,
  RECOVERY: serviceConfig.RECOVERY,
  OTEL_EXPORTER_OTLP_ENDPOINT: serviceConfig.OTEL_EXPORTER_OTLP_ENDPOINT,
  ...samplingVariables,
  ...serviceUrls(),
  [WITH_VARIABLE]: z.string().optional().describe('services of examples/ that run here, comma separated'),
  OPS_URLS: urls.optional().describe("operators' console; without it /ops/* is not there"),
  GATEWAY_AUTH: z
    .enum(['on', 'off'])
    .default('on')
    .describe('off: no tokens, and whoever can reach the gateway may act for any user and change products'),
  JWKS_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('the public keys that tokens are verified with (RS256, ES256 or EdDSA); or DEMO_AUTH=true'),
  JWT_ISSUER: z
    .string()
    .optional()
    .describe('`iss` that a token must have; without it any will do, but not in production'),
  JWT_AUDIENCE: z
    .string()
    .optional()
    .describe('`aud` that a token must name; without it any will do, but not in production'),
  JWT_USER_CLAIM: z
    .string()
    .default('sub')
    .describe("the claim with the user's id in decimal; another one where the issuer's `sub` is no number"),
  DEMO_AUTH: switchVariable
    .default(false)
    .describe('true: POST /auth/demo-token gives a token of any user to whoever asks; for development only'),
  DEMO_KEY_FILE: z
    .string()
    .optional()
    .describe('where the key of DEMO_AUTH is kept, made when missing; without it each start makes one of its own'),
  READ_TIMEOUT_MS: milliseconds(100).default(5_000).describe('longest wait for the answer to a GET, ms'),
  WRITE_TIMEOUT_MS: milliseconds(100)
    .default(10_000)
    .describe('longest wait for the answer to any other request, ms; with Prefer: wait=N it is N + 5 s'),
  UPSTREAM_TIMEOUT_MS: milliseconds(100)
    .default(35_000)
    .describe(
      'longest of all waits, and longest silence within an answer, ms; longer than the longest Prefer: wait (30 s)',
    ),
  MAX_IN_FLIGHT: z.coerce
    .number()
    .int()
    .min(1)
    .default(5_000)
    .describe(
      'most requests at once for one service, whatever their class; further ones are answered 503; half may wait (Prefer)',
    ),
  ADMISSION: switchVariable
    .default(true)
    .describe('false: as many requests go to a service as MAX_IN_FLIGHT says, however long its answers take'),
  LIMIT_TARGET_MS: milliseconds(10)
    .default(150)
    .describe('average answer time at which the limit for new orders and coupons stands still, ms; others follow it'),
  LIMIT_MIN: z.coerce.number().int().min(1).default(10).describe('least limit of one class of requests for a service'),
  LIMIT_MAX: z.coerce.number().int().min(1).default(2_000).describe('greatest limit of one class for a service'),
  MAX_STREAMS: z.coerce
    .number()
    .int()
    .min(1)
    .default(8_000)
    .describe('most streams at once, besides the requests; each takes two file descriptors; further ones get 503'),
  MAX_CONNECTIONS: z.coerce.number().int().min(1).default(20_000).describe('most connections of clients at once'),
  REDIS_URL: serviceConfig.REDIS_URL.optional().describe(
    'where the instances of the gateway add up what they count; without it each limits alone',
  ),
  ...redisVariables,
  RATE_LIMIT_USER: rateLimit.prefault('100/10').describe('requests of one user, as <requests>/<seconds>, or off'),
  RATE_LIMIT_ADDRESS: rateLimit
    .prefault('1000/10')
    .describe('requests from one address (IPv6: from one /64), as <requests>/<seconds>, or off'),
  TRUST_PROXY: list
    .pipe(z.array(z.string().refine(isNetwork, 'expected addresses or networks, such as 10.0.0.0/8')))
    .default([])
    .describe(
      'proxies that are believed about addresses, comma separated; by default the connection tells the address',
    ),
  TRUST_PROXY_HEADER: z
    .enum(PROXY_HEADERS)
    .default('x-forwarded-for')
    .describe('the header in which those proxies say it (RFC 7239: forwarded); each of them has to write it'),
  CORS_ORIGINS: list
    .pipe(z.array(z.string().regex(/^https?:\/\/[^/\s*]+$/, 'expected origins, such as https://shop.example')))
    .default([])
    .describe('origins whose pages may call the API, comma separated'),
  SHED_ABOVE_MS: milliseconds(0)
    .default(250)
    .describe(
      'delay of the event loop above which anything is refused, ms; new orders at 0.4 of it, browsing at 0.2; 0 never',
    ),
  LAST_GOOD_SECONDS: z.coerce
    .number()
    .int()
    .min(0)
    .default(3_600)
    .describe('oldest answer shown of a service that does not answer, s; 0 keeps none'),
});

export type GatewayConfig = Readonly<z.output<typeof gatewayConfigSchema>>;

/** @throws {ConfigError} */
export function loadGatewayConfig(env: NodeJS.ProcessEnv = process.env): GatewayConfig {
  const config = loadConfig(gatewayConfigSchema, env);
  if (config.JWKS_URL && config.DEMO_AUTH)
    throw new ConfigError('configuration: JWKS_URL and DEMO_AUTH=true are both set: whose tokens are to be believed?');
  if (config.GATEWAY_AUTH === 'on' && !config.JWKS_URL && !config.DEMO_AUTH)
    throw new ConfigError(
      'configuration: GATEWAY_AUTH is on, so JWKS_URL must say where the keys of the tokens are (in development: DEMO_AUTH=true)',
    );
  const unfit = config.NODE_ENV === 'production' ? unfitForProduction(config) : [];
  if (unfit.length > 0)
    throw new ConfigError(`configuration for production (NODE_ENV):\n${unfit.map((line) => `  ${line}`).join('\n')}`);
  return config;
}

function unfitForProduction({ DEMO_AUTH, GATEWAY_AUTH, JWKS_URL, JWT_ISSUER, JWT_AUDIENCE }: GatewayConfig): string[] {
  if (GATEWAY_AUTH === 'off') return ['GATEWAY_AUTH is off: whoever can reach the gateway may act for any user'];
  if (DEMO_AUTH) return ['DEMO_AUTH is true: whoever asks gets a token of any user'];
  return [
    ...(JWKS_URL && isPlain(JWKS_URL)
      ? ['JWKS_URL must begin with https: whoever is in between could give keys of his own']
      : []),
    ...(JWT_ISSUER ? [] : ['JWT_ISSUER is missing: whoever has a key in the set of JWKS_URL would be believed']),
    ...(JWT_AUDIENCE ? [] : ['JWT_AUDIENCE is missing: tokens that the issuer made for others would be accepted']),
  ];
}

/** Whether a URL leads to another machine without TLS. */
function isPlain(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !isLoopback(hostname);
}

/** The addresses of each service that runs here, and of operators' console if there is one. */
export function upstreamUrls(config: GatewayConfig): (readonly [name: UpstreamName, urls: readonly string[]])[] {
  const services = SERVICE_NAMES.map((name) => [name, config[urlsVariable(name)]] as const);
  return config.OPS_URLS ? [...services, ['ops', config.OPS_URLS]] : services;
}
