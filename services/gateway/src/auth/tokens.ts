import { type Caller, DomainError, SCOPES, userIdSchema } from '@shop/chassis';
import type { JWTPayload } from 'jose';
import { createJwtReader } from './jwt.ts';
import { type Keys, KeysAwayError } from './keys.ts';

/** Of the whole header, which is what is kept. */
const MAX_LENGTH = 4_096;
/** One space only: a token has to have few spellings, each of which would be kept. */
const TOKEN = /^Bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i;
/** How far the issuer's clock may be from ours, s. */
const CLOCK_TOLERANCE = 5;
/**
 * So long a token is not verified again, ms: a key that its issuer takes back is of use for this and until its keys are
 * fetched anew.
 */
const MAX_KEPT_MS = 600_000;
/** Tokens that are kept: ten megabytes of usual ones, eighty at most. */
const MAX_KEPT = 20_000;

export interface TokensOptions {
  readonly keys: Keys;
  /** `iss` that a token must have. */
  readonly issuer?: string | undefined;
  /** `aud` that a token must name. */
  readonly audience?: string | undefined;
  readonly mostKept?: number;
  readonly now?: () => number;
}

/** Reads the Authorization header: `Bearer <token>`. */
export interface Tokens {
  /** The caller, if this very header was verified not long ago. */
  known(authorization: string): Caller | undefined;
  /** Rejects with UNAUTHENTICATED; SERVICE_UNAVAILABLE when that cannot be told now. */
  verify(authorization: string): Promise<Caller>;
}

export function createTokens({ keys, issuer, audience, mostKept = MAX_KEPT, now = Date.now }: TokensOptions): Tokens {
  const kept = new Map<string, { readonly caller: Caller; readonly until: number }>();
  const read = createJwtReader(keys.find);

  function keep(authorization: string, caller: Caller, expiresAt: number): void {
    // The oldest goes: a Map is in the order of insertion.
    if (kept.size >= mostKept) for (const [oldest] of kept) if (kept.delete(oldest)) break;
    kept.set(authorization, { caller, until: Math.min(expiresAt, now() + MAX_KEPT_MS) });
  }

  return {
    known(authorization) {
      const found = kept.get(authorization);
      if (!found || now() < found.until) return found?.caller;
      kept.delete(authorization);
      return undefined;
    },
    async verify(authorization) {
      const token = authorization.length <= MAX_LENGTH ? TOKEN.exec(authorization)?.[1] : undefined;
      if (!token) throw invalid('The Authorization header holds no token of this shop.');
      const payload = await read(token).catch(toRefusal);
      const expiresAt = checkTimes(payload, now() / 1000);
      if (issuer && payload.iss !== issuer) throw invalid('The token is of another issuer.');
      if (audience && ![payload.aud].flat().includes(audience)) throw invalid('The token is for another audience.');
      const caller = { user: userOf(payload), scopes: scopesOf(payload) };
      keep(authorization, caller, expiresAt * 1000);
      return caller;
    },
  };
}

function toRefusal(error: unknown): never {
  if (error instanceof KeysAwayError)
    throw new DomainError('SERVICE_UNAVAILABLE', 'Whether the token is good cannot be told for the moment.');
  throw invalid('The token is not valid.');
}

/** @returns when it expires. @param now both in seconds */
function checkTimes({ exp, nbf }: JWTPayload, now: number): number {
  if (typeof exp !== 'number') throw invalid('The token does not say when it expires.');
  if (exp <= now - CLOCK_TOLERANCE) throw invalid('The token has expired.');
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now + CLOCK_TOLERANCE))
    throw invalid('The token is not valid yet.');
  return exp;
}

function invalid(detail: string): DomainError {
  return new DomainError('UNAUTHENTICATED', detail);
}

/** `sub`: a user's id in decimal, written in the one way there is. */
function userOf({ sub }: JWTPayload): number {
  const id = typeof sub === 'string' && /^[1-9]\d{0,15}$/.test(sub) ? userIdSchema.safeParse(Number(sub)) : undefined;
  if (!id?.success) throw invalid('The token is of no user of this shop.');
  return id.data;
}

/** `scope`: names between spaces (RFC 8693); those of others mean nothing here. */
function scopesOf({ scope }: JWTPayload): Caller['scopes'] {
  const named = typeof scope === 'string' ? scope.split(' ') : [];
  return SCOPES.filter((each) => named.includes(each));
}
