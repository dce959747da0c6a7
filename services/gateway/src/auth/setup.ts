import type { Metrics, Runtime } from '@shop/chassis';
import type { GatewayConfig } from '../config.ts';
import { asAnybody, authenticate } from '../guards/authenticate.ts';
import type { Guard } from '../passage.ts';
import { createDemoIssuer, type DemoIssuer } from './demo.ts';
import { remoteKeys } from './keys.ts';
import { createTokens, type Tokens } from './tokens.ts';

/** Interval of fetching an issuer's keys, ms, so that revoked keys are not accepted for much longer. */
const REFRESH_KEYS_MS = 300_000;

export interface Authentication {
  readonly identify: Guard;
  readonly demo: DemoIssuer | undefined;
}

/** Sets up which tokens are accepted, and whether any are required, by the configuration. Its risks are logged. */
export async function openAuthentication(runtime: Runtime<GatewayConfig>, now: () => number): Promise<Authentication> {
  const { config, logger, metrics } = runtime;
  issuerAway(metrics).set(0);
  const { JWT_ISSUER: issuer = 'shop-demo', JWT_AUDIENCE: audience = 'shop', DEMO_KEY_FILE: keyFile } = config;
  const demo = config.DEMO_AUTH ? await createDemoIssuer({ keyFile, issuer, audience, now }) : undefined;
  if (demo) logger.warn('DEMO_AUTH=true: whoever can reach this port gets a token of any user');
  if (config.GATEWAY_AUTH === 'off') {
    logger.warn('GATEWAY_AUTH=off: whoever can reach this port may act for any user');
    return { identify: asAnybody, demo };
  }
  const tokens = demo ? createTokens({ keys: demo.keys, issuer, audience, now }) : openIssuer(runtime, now);
  return { identify: authenticate(tokens), demo };
}

function issuerAway(metrics: Metrics) {
  return metrics.gauge('gateway_issuer_away', '1 while the keys of the identity provider cannot be fetched');
}

function openIssuer({ config, logger, metrics, repeat }: Runtime<GatewayConfig>, now: () => number): Tokens {
  const { JWKS_URL: url = '', JWT_ISSUER: issuer, JWT_AUDIENCE: audience, JWT_USER_CLAIM: userClaim } = config;
  if (!issuer) logger.warn('JWT_ISSUER is not set: whoever has a key in the set of JWKS_URL is believed here');
  if (!audience)
    logger.warn('JWT_AUDIENCE is not set: a token that the issuer made for another application is accepted here');
  const away = issuerAway(metrics);
  const keys = remoteKeys(url, {
    onChange(failure) {
      away.set(failure === undefined ? 0 : 1);
      if (failure === undefined) logger.info({ url }, 'the keys of the issuer are fetched again');
      else
        logger.warn({ url, error: String(failure) }, 'the keys of the issuer cannot be fetched: the known ones stay');
    },
  });
  repeat({ name: 'refresh-keys', everyMs: REFRESH_KEYS_MS, run: keys.refresh });
  return createTokens({ keys, issuer, audience, userClaim, now });
}
