import { KeyObject, verify } from 'node:crypto';
import type { CryptoKey, JWSHeaderParameters, JWTPayload, JWTVerifyGetKey } from 'jose';

/** Signatures that are accepted, with their digests. No secret is ever shared with an issuer, so none of HMAC's. */
const DIGESTS: Readonly<Record<string, string | null>> = { RS256: 'sha256', ES256: 'sha256', EdDSA: null };
const MIN_RSA_BITS = 2_048;

/** What a token says, once its signature is known to be good. @throws whatever is wrong with it, in words */
export type ReadJwt = (token: string) => Promise<JWTPayload>;

/**
 * Reads compact signed tokens (RFC 7515, 7519). jose finds the key, which has to be of the algorithm's kind; the
 * signature is verified here and at once, in a quarter of the time that Web Crypto's detour over a thread takes.
 */
export function createJwtReader(find: JWTVerifyGetKey): ReadJwt {
  const keyObjects = new WeakMap<CryptoKey, KeyObject>();

  return async (token) => {
    const [head = '', claims = '', signature = ''] = token.split('.');
    const header = parse(head) as JWSHeaderParameters;
    const { alg } = header;
    if (typeof alg !== 'string' || !Object.hasOwn(DIGESTS, alg)) throw new Error('its algorithm is not accepted');
    // Extensions that must be understood, of which none is.
    if ('crit' in header || 'b64' in header) throw new Error('it has extensions');
    const found = await find({ ...header, alg }, { payload: claims, signature, protected: head });
    const key = keyObjectOf(found as CryptoKey);
    const signed = Buffer.from(`${head}.${claims}`);
    const isGood = verify(
      DIGESTS[alg],
      signed,
      { key, dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    if (!isGood) throw new Error('its signature is wrong');
    return parse(claims);
  };

  function keyObjectOf(found: CryptoKey): KeyObject {
    const known = keyObjects.get(found);
    if (known) return known;
    const key = KeyObject.from(found);
    const bits = key.asymmetricKeyDetails?.modulusLength;
    if (bits !== undefined && bits < MIN_RSA_BITS) throw new Error('its key is too short');
    keyObjects.set(found, key);
    return key;
  }
}

function parse(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('it is no object');
  return value as Record<string, unknown>;
}
