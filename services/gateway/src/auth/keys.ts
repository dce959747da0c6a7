import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose';

/** Where the public keys are that tokens are verified with. */
export interface Keys {
  /** The key of a token. Rejects with `KeysAwayError` when it may exist and cannot be had now. */
  readonly find: JWTVerifyGetKey;
  /** Fetches them anew. */
  refresh(): Promise<void>;
}

/** The issuer's keys cannot be asked for: whether a token is good is not known. */
export class KeysAwayError extends Error {
  override readonly name = 'KeysAwayError';
}

/** After a failure nobody asks again for so long: a flood of unknown keys must not become one of fetches. */
const REST_MS = 1_000;

/**
 * The keys that an issuer publishes. They are kept however long it is away, so that its outage is noticed only by
 * tokens of keys that are not known yet; such a token has them fetched, at most every 30 s.
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
        // While it is away, a key that is not known may be a new one of its.
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

/** The keys were there, and the token's is none of them; anything else is that they are not to be had. */
function isOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys ||
    error instanceof errors.JOSENotSupported
  );
}
