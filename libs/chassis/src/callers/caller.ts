import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { DomainError } from '../errors/index.ts';

/** The rights that a token may grant beyond its user's own resources. */
export const SCOPES = ['ops'] as const;
export type Scope = (typeof SCOPES)[number];

/** On whose behalf the gateway, or an operator's tool, calls a service. */
export interface Caller {
  /**
   * A user's id, proven by a token. `nobody`: there was no token. `anybody`: no token is required (GATEWAY_AUTH=off),
   * and the request itself names its user.
   */
  readonly user: number | 'nobody' | 'anybody';
  readonly scopes: readonly Scope[];
}

export const NOBODY: Caller = { user: 'nobody', scopes: [] };
/** The caller when authentication is off: the user that the request names, who is an operator too. */
export const ANYBODY: Caller = { user: 'anybody', scopes: SCOPES };

export const CALLER_HEADER = 'x-shop-caller';
/** Largest difference between two machines' clocks, and so the time a header can be used, s. */
const ALLOWED_SKEW = 60;
const MIN_SECRET = 32;

export interface InternalKey {
  readonly id: string;
  readonly secret: KeyObject;
}

/**
 * The first key signs, all keys verify. To change: add a new key behind, then put it in front, then remove the old one.
 */
export type InternalKeys = readonly [InternalKey, ...InternalKey[]];

/** Reads `id:secret[,id:secret]`. @throws an error whose words do not show the secret */
export function parseInternalKeys(text: string): InternalKeys {
  const keys = text.split(',').map((pair): InternalKey => {
    const [id = '', secret = '', ...rest] = pair.trim().split(':');
    if (!/^[\w-]{1,32}$/.test(id) || rest.length > 0) throw new Error('expected id:secret[,id:secret]');
    if (!/^[\x21-\x7e]+$/.test(secret) || secret.length < MIN_SECRET)
      throw new Error(`the secret of ${id} must have ${MIN_SECRET} visible characters or more`);
    return { id, secret: createSecretKey(secret, 'utf8') };
  });
  if (new Set(keys.map(({ id }) => id)).size < keys.length) throw new Error('two keys have the same id');
  return keys as [InternalKey, ...InternalKey[]];
}

/** Makes the header's value for one request. `path` includes the query, exactly as it is sent. */
export type SignCaller = (caller: Caller, method: string, path: string) => string;

/** The caller of a request; undefined if its header is missing, forged, of another request, or too old. */
export type VerifyCaller = (header: unknown, method: string, path: string) => Caller | undefined;

export function createCallerSigner([key]: InternalKeys, now: () => number = Date.now): SignCaller {
  return ({ user, scopes }, method, path) => {
    const claims = `${key.id}.${Math.floor(now() / 1000)}.${user}.${scopes.join('+')}`;
    return `${claims}.${sign(key, claims, method, path)}`;
  };
}

export function createCallerVerifier(keys: InternalKeys, now: () => number = Date.now): VerifyCaller {
  const byId = new Map(keys.map((key) => [key.id, key]));
  return (header, method, path) => {
    if (typeof header !== 'string' || header.length > 256) return undefined;
    const [id = '', time = '', user = '', scopes = '', signature = '', ...rest] = header.split('.');
    const key = byId.get(id);
    if (!key || rest.length > 0) return undefined;
    const expected = Buffer.from(sign(key, `${id}.${time}.${user}.${scopes}`, method, path));
    const given = Buffer.from(signature);
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    // The signature is right: from here on the fields were written by a holder of the key.
    if (Math.abs(now() / 1000 - Number(time)) > ALLOWED_SKEW) return undefined;
    return { user: user === 'nobody' || user === 'anybody' ? user : Number(user), scopes: toScopes(scopes) };
  };
}

/**
 * A field cannot hold a line break, the separator: neither a method or path that came over HTTP, nor our own claims.
 */
function sign(key: InternalKey, claims: string, method: string, path: string): string {
  return createHmac('sha256', key.secret).update(`${claims}\n${method}\n${path}`).digest('base64url');
}

function toScopes(text: string): readonly Scope[] {
  return text === '' ? NOBODY.scopes : SCOPES.filter((scope) => text.split('+').includes(scope));
}

/** A request, with the caller that `createHttpApp` found. */
export interface Called {
  readonly caller?: Caller;
  readonly body?: unknown;
  readonly query?: unknown;
}

/** @throws {DomainError} FORBIDDEN without the scope, UNAUTHENTICATED where not even the user is known */
export function requireScope({ caller = NOBODY }: Called, scope: Scope): void {
  if (caller.scopes.includes(scope)) return;
  if (caller.user === 'nobody') throw new DomainError('UNAUTHENTICATED', 'A token is needed.');
  throw new DomainError('FORBIDDEN', `A token with scope ${scope} is needed.`);
}
