import { createRemoteJWKSet, customFetch, errors, importJWK, type JWK, type JWTVerifyGetKey } from 'jose';

/** The public keys for verifying tokens. */
export interface Keys {
  /** The key of a token. Rejects with `KeysAwayError` when it may exist but is not known now. */
  readonly find: JWTVerifyGetKey;
  /** Fetches the keys again. Rejects when that fails; the former keys stay. */
  refresh(): Promise<void>;
}

/** The issuer's present keys are not known, so it is unknown whether a token is valid. */
export class KeysAwayError extends Error {
  override readonly name = 'KeysAwayError';
  /** When the keys may be fetched again, s from now, at least 1. */
  readonly retryAfterSeconds: number;

  constructor(waitMs: number, options?: ErrorOptions) {
    super('the keys of the issuer are not known at present', options);
    this.retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1_000));
  }
}

/** Pause after a failed fetch, ms: a flood of unknown keys must not become a flood of fetches. */
const REST_MS = 1_000;
/**
 * Least time between two fetches for unknown keys, ms. A new key is known after this time at the latest, however many
 * tokens with invented keys come.
 */
const GAP_MS = 5_000;

export interface RemoteKeysOptions {
  readonly timeoutMs?: number;
  /** A clock that runs forward, ms. */
  readonly now?: () => number;
  /** Called when fetching begins to fail, with the error, and when it works again, with nothing. */
  readonly onChange?: (failure: unknown) => void;
}

/**
 * The keys that an issuer publishes. They are kept however long it is away, so its outage only affects tokens with
 * unknown keys. Such a token causes a fetch, within the limits above. It is refused only if a fetch that began after
 * its arrival did not bring its key; before that the key may be a new one, and the caller shall ask again.
 */
// One function: the times and names of the last fetch are one state, which its steps change together.
export function remoteKeys(url: string, options: RemoteKeysOptions = {}): Keys {
  const { timeoutMs = 3_000, now = performance.now.bind(performance), onChange } = options;
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration: timeoutMs,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    // jose fetches nothing by itself: `find` decides when.
    cooldownDuration: Number.POSITIVE_INFINITY,
    [customFetch]: fetchUsable,
  });
  /** When the last fetch that succeeded began, and when the last one failed. */
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let pending: Promise<void> | undefined;
  /** Keys that the last fetch did not bring: the one it was made for, and those that the set before it had. */
  const missed = new Set<string>();

  async function fetchKeys(): Promise<void> {
    const startedAt = now();
    const former = namesIn(remote.jwks());
    try {
      await remote.reload();
    } catch (error) {
      if (failure === undefined) onChange?.(error);
      failure = error;
      failedAt = now();
      throw error;
    }
    fetchedAt = startedAt;
    missed.clear();
    const present = new Set(namesIn(remote.jwks()));
    for (const name of former) if (!present.has(name)) missed.add(name);
    if (failure !== undefined) onChange?.(undefined);
    failure = undefined;
  }

  /** Joins the fetch that is under way, or begins one. */
  function refresh(): Promise<void> {
    pending ??= fetchKeys().finally(() => {
      pending = undefined;
    });
    return pending;
  }

  /** The key in the set as it is; undefined when it is not there. */
  async function lookUp(...token: Parameters<JWTVerifyGetKey>) {
    if (fetchedAt === Number.NEGATIVE_INFINITY) return undefined;
    try {
      return await remote(...token);
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) return undefined;
      if (error instanceof errors.JWKSMultipleMatchingKeys || error instanceof errors.JOSENotSupported) throw error;
      throw new KeysAwayError(GAP_MS, { cause: error });
    }
  }

  return {
    refresh,
    async find(...token) {
      const found = await lookUp(...token);
      if (found) return found;
      const name = String(token[0].kid);
      const waitMs = Math.max(fetchedAt + GAP_MS, failedAt + REST_MS) - now();
      if (waitMs > 0 && !pending) {
        if (missed.has(name)) throw new errors.JWKSNoMatchingKey();
        throw new KeysAwayError(waitMs, { cause: failure });
      }
      const isOwnFetch = !pending;
      await refresh().catch((cause: unknown) => {
        throw new KeysAwayError(REST_MS, { cause });
      });
      const fetched = await lookUp(...token);
      if (fetched) return fetched;
      // The fetch of another may have begun before this key was published.
      if (!isOwnFetch) throw new KeysAwayError(GAP_MS);
      missed.add(name);
      throw new errors.JWKSNoMatchingKey();
    },
  };
}

function namesIn(set: { readonly keys: readonly JWK[] } | undefined): string[] {
  return (set?.keys ?? []).map(({ kid }) => String(kid));
}

/** Fetches a key set. Rejects one without any usable key: it must not take the place of the keys that are known. */
async function fetchUsable(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  if (response.status !== 200) return response;
  const text = await response.text();
  const { keys } = (JSON.parse(text) ?? {}) as { keys?: unknown };
  const usable = await Promise.all(Array.isArray(keys) ? keys.map(isUsable) : []);
  if (!usable.includes(true)) throw new Error(`the key set at ${url} has no key that verifies RS256, ES256 or EdDSA`);
  return new Response(text, { status: 200 });
}

const ALGORITHM_OF: Readonly<Record<string, string>> = { RSA: 'RS256', EC: 'ES256', OKP: 'EdDSA' };

async function isUsable(key: JWK | null | undefined): Promise<boolean> {
  const alg = ALGORITHM_OF[key?.kty ?? ''];
  if (!key || !alg || (key.alg ?? alg) !== alg || (key.use ?? 'sig') !== 'sig') return false;
  return await importJWK({ ...key, alg }).then(
    // jose verifies with no shorter RSA key.
    (imported) =>
      'type' in imported &&
      imported.type === 'public' &&
      ((imported.algorithm as { modulusLength?: number }).modulusLength ?? 2_048) >= 2_048,
    () => false,
  );
}
