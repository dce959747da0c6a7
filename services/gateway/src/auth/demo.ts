import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { parse, SCOPES, type Scope, userIdSchema } from '@shop/chassis';
import type { Router } from 'express';
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, type JSONWebKeySet, SignJWT } from 'jose';
import { z } from 'zod';
import type { Keys } from './keys.ts';

/** Issues tokens for development: anyone who asks gets a token of the stated user. */
export interface DemoIssuer {
  readonly keys: Keys;
  readonly published: JSONWebKeySet;
  issue(userId: number, scope: Scope | undefined): Promise<{ token: string; expiresAt: string }>;
}

export interface DemoOptions {
  /** File of the private key, so that tokens outlive this process and are valid for its siblings. */
  readonly keyFile?: string | undefined;
  readonly issuer: string;
  readonly audience: string;
  /** ms since the epoch */
  readonly now?: () => number;
}

const LIFETIME_S = 3_600;

export async function createDemoIssuer({
  keyFile,
  issuer,
  audience,
  now = Date.now,
}: DemoOptions): Promise<DemoIssuer> {
  const privateKey = createPrivateKey(keyFile ? await keptKey(keyFile) : await newKey());
  const { kid, jwk } = await publicJwk(privateKey);
  const published = { keys: [{ ...jwk, kid, alg: 'RS256', use: 'sig' }] };
  return {
    published,
    keys: { find: createLocalJWKSet(published), refresh: () => Promise.resolve() },
    async issue(userId, scope) {
      const issuedAt = Math.floor(now() / 1000);
      const token = await new SignJWT(scope ? { scope } : {})
        .setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' })
        .setSubject(String(userId))
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + LIFETIME_S)
        .sign(privateKey);
      return { token, expiresAt: new Date((issuedAt + LIFETIME_S) * 1000).toISOString() };
    },
  };
}

export const demoTokenBody = z.strictObject({
  userId: userIdSchema.describe('whose token'),
  scope: z.enum(SCOPES).optional().describe("makes it an operator's"),
});

export function demoRoutes({ published, issue }: DemoIssuer): (router: Router) => void {
  return (router) => {
    router.get('/.well-known/jwks.json', (_request, response) => void response.json(published));
    router.post('/auth/demo-token', async (request, response) => {
      const { userId, scope } = parse(demoTokenBody, request.body);
      response.setHeader('Cache-Control', 'no-store');
      response.json(await issue(userId, scope));
    });
  };
}

/** The key in the file. If several processes find none, one creates it and all use it. */
async function keptKey(file: string): Promise<string> {
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept) return kept;
  await mkdir(dirname(file), { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, await newKey(), { mode: 0o600 });
  try {
    // Unlike a rename, a link never replaces an existing file.
    await link(draft, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    return await readFile(file, 'utf8');
  } finally {
    await rm(draft);
  }
}

/** PKCS #8, PEM. RSA, because its signatures are the quickest to verify. */
async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
}

async function publicJwk(privateKey: KeyObject) {
  const jwk = await exportJWK(createPublicKey(privateKey));
  return { jwk, kid: await calculateJwkThumbprint(jwk) };
}
