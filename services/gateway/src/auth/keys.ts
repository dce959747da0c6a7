import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';

/** The public keys for verifying tokens. */
export interface Keys {
  /** The key of a token. Rejects with `KeysAwayError` when it may exist but cannot be fetched now. */
  readonly find: JWTVerifyGetKey;
  /** Fetches the keys again. */
  refresh(): Promise<void>;
}

/** The issuer's keys cannot be fetched, so it is unknown whether a token is valid. */
export class KeysAwayError extends Error {
  override readonly name = 'KeysAwayError';
}

/** Pause after a failed fetch, ms: a flood of unknown keys must not become a flood of fetches. */
const REST_MS = 1_000;

/**
 * The keys that an issuer publishes. They are kept however long it is away, so its outage only affects tokens with
 * unknown keys. Such a token causes a fetch, at most every 30 s.
 */
export function remoteKeys(url: string, { timeoutMs = 3_000 } = {}): Keys {
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    cooldownDuration: 30_000,
  });
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  const away = () => new KeysAwayError('the keys of the issuer cannot be fetched', { cause: failure });

  return {
    async find(header, token) {
      const resting = Date.now() - failedAt < REST_MS;
      try {
        if (!resting) return await remote(header, token);
        return await createLocalJWKSet(remote.jwks() ?? { keys: [] })(header, token);
      } catch (error) {
        // While the issuer is away, an unknown key may be a new one of it.
        if (resting) throw away();
        if (isOfToken(error)) throw error;
        failedAt = Date.now();
        failure = error;
        throw away();
      }
    },
    refresh: () => remote.reload(),
  };
}

/**
 * True when the keys were available and do not include the token's. All other errors mean that they were not available.
 */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
