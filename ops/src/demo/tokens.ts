import { createPrivateKey, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The claims of a token; `exp` in seconds. */
export interface Claims {
  readonly sub: unknown;
  readonly exp?: number | undefined;
  readonly scope?: string;
  readonly iss?: string;
  readonly aud?: string;
}

/** The key that a local stack's gateway trusts (DEMO_KEY_FILE). */
export async function readDemoKey(file: string): Promise<KeyObject> {
  return createPrivateKey(await readFile(file));
}

/**
 * A token like those of the gateway's demo, for loads of many users: requesting each would be a load of its own. Claims
 * not given are those of a valid token. Signed in libuv's threads.
 */
export async function signDemoToken(key: KeyObject, claims: Claims): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const text = `${part({ alg: 'RS256' })}.${part({ iss: 'shop-demo', aud: 'shop', exp, ...claims })}`;
  const signature = await promisify(sign)('RSA-SHA256', Buffer.from(text), key);
  return `${text}.${signature.toString('base64url')}`;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
