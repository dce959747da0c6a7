import { type Caller, DomainError, SCOPES, userIdSchema } from '@shop/chassis';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { type Keys, KeysAwayError } from './keys.ts';

/** Longest header, bytes; the whole header is remembered. */
const MAX_LENGTH = 4_096;
/** One space only: a token must have few spellings, since each would be remembered. */
const TOKEN = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;
/** Accepted signatures. No HMAC: no secret is ever shared with an issuer. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'];
/** Largest difference between the issuer's clock and ours, s. */
const CLOCK_TOLERANCE = 5;
/**
 * How long a verified token is not verified again, ms. A revoked key stays usable for this time and until the issuer's
 * keys are fetched again.
 */
const MAX_KEPT_MS = 600_000;
/** Most tokens remembered: ten megabytes of usual ones, eighty at most. */
const MAX_KEPT = 20_000;

const NOT_VALID = 'The token is not valid.';
/** The refusal for a missing or wrong claim. */
const REFUSED_CLAIMS: Readonly<Record<string, string>> = {
  exp: 'The token does not say when it expires.',
  nbf: 'The token is not valid yet.',
  iss: 'The token is of another issuer.',
  aud: 'The token is for another audience.',
};

export interface TokensOptions {
  readonly keys: Keys;
  /** The required `iss` of a token. */
  readonly issuer?: string | undefined;
  /** The required `aud` of a token. */
  readonly audience?: string | undefined;
  /** The claim with the user's id; default `sub`. */
  readonly userClaim?: string | undefined;
  readonly mostKept?: number;
  readonly now?: () => number;
}

/** Reads the Authorization header: `Bearer <token>`. */
export interface Tokens {
  /** The caller, if this same header was verified recently. */
  known(authorization: string): Caller | undefined;
  /** Rejects with UNAUTHENTICATED, or with SERVICE_UNAVAILABLE when the token cannot be judged now. */
  verify(authorization: string): Promise<Caller>;
}

export function createTokens(options: TokensOptions): Tokens {
  const { keys, issuer, audience, userClaim = 'sub', mostKept = MAX_KEPT, now = Date.now } = options;
  const kept = new LRUCache<string, Caller>({ max: mostKept, ttl: MAX_KEPT_MS, ttlResolution: 0, perf: { now } });
  const find: JWTVerifyGetKey = (header, token) => {
    // jose refuses this extension only when `crit` names it.
    if ('b64' in header) throw new errors.JWSInvalid('it has an extension');
    return keys.find(header, token);
  };

  function keep(authorization: string, caller: Caller, expiresAt: number): void {
    const ttl = Math.min(expiresAt - now(), MAX_KEPT_MS);
    // A time of 0 would mean "for ever": a token that is valid only by the tolerance is not kept.
    if (ttl > 0) kept.set(authorization, caller, { ttl });
  }

  return {
    known: (authorization) => kept.get(authorization),
    async verify(authorization) {
      const token = authorization.length <= MAX_LENGTH ? TOKEN.exec(authorization)?.[1] : undefined;
      if (!token) throw invalid('The Authorization header holds no token of this shop.');
      const { payload } = await jwtVerify(token, find, {
        algorithms: ALGORITHMS,
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: new Date(now()),
        requiredClaims: ['exp'],
        ...(issuer && { issuer }),
        ...(audience && { audience }),
      }).catch(toRefusal);
      const caller = { user: userOf(payload, userClaim), scopes: scopesOf(payload) };
      keep(authorization, caller, Number(payload.exp) * 1000);
      return caller;
    },
  };
}

function toRefusal(error: unknown): never {
  if (error instanceof KeysAwayError)
    throw new DomainError('SERVICE_UNAVAILABLE', 'Whether the token is good cannot be told for the moment.', {
      retryAfterSeconds: error.retryAfterSeconds,
    });
  if (error instanceof errors.JWTExpired) throw invalid('The token has expired.');
  if (error instanceof errors.JWTClaimValidationFailed) throw invalid(REFUSED_CLAIMS[error.claim] ?? NOT_VALID);
  throw invalid(NOT_VALID);
}

function invalid(detail: string): DomainError {
  return new DomainError('UNAUTHENTICATED', detail);
}

/**
 * A user's id in decimal, in its one canonical form. A claim other than `sub`, which is text by definition, may be a
 * number. Nothing is derived from an opaque subject: two of them could become one id.
 */
function userOf(payload: JWTPayload, claim: string): number {
  const given = Object.hasOwn(payload, claim) ? payload[claim] : undefined;
  const text = claim !== 'sub' && typeof given === 'number' ? String(given) : given;
  const isDecimal = typeof text === 'string' && /^[1-9]\d{0,15}$/.test(text);
  const id = isDecimal ? userIdSchema.safeParse(Number(text)) : undefined;
  if (!id?.success) throw invalid('The token is of no user of this shop.');
  return id.data;
}

/** `scope`: names separated by spaces (RFC 8693); unknown names are ignored. */
function scopesOf({ scope }: JWTPayload): Caller['scopes'] {
  const named = typeof scope === 'string' ? scope.split(' ') : [];
  return SCOPES.filter((each) => named.includes(each));
}
