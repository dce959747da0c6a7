import { generateKeyPairSync, KeyObject, sign as signBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { base64url, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { remoteKeys } from './keys.ts';
import { type Issuer, startIssuer } from './testing.ts';
import { createTokens, type Tokens } from './tokens.ts';

const HOUR = 3_600;
const now = () => Math.floor(Date.now() / 1000);
let issuer: Issuer;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.close());
beforeEach(() => {
  issuer.published = ['rs', 'es', 'ed'];
  issuer.asked = 0;
});

function tokens(options: Partial<Parameters<typeof createTokens>[0]> = {}): Tokens {
  return createTokens({ keys: remoteKeys(issuer.url), issuer: 'us', audience: 'shop', ...options });
}

const good = () => ({ sub: '7', iss: 'us', aud: 'shop', exp: now() + HOUR });
const bearer = async (...args: Parameters<Issuer['sign']>) => `Bearer ${await issuer.sign(...args)}`;

describe('a valid token', () => {
  it.each(['rs', 'es', 'ed'])(
    'when it is signed with any of the algorithms (%s), then its user is known',
    async (kid) => {
      expect(await tokens().verify(await bearer(good(), { kid }))).toEqual({ user: 7, scopes: [] });
    },
  );

  it('when a token is for several audiences, then this shop may be one of them', async () => {
    expect(await tokens().verify(await bearer({ ...good(), aud: ['bank', 'shop'] }))).toMatchObject({ user: 7 });
  });

  it.each([['7'], [7]])(
    'when the user is in a claim of its own (%p), then that is the user, whatever sub is',
    async (id) => {
      const checked = tokens({ userClaim: 'https://shop.example/user' });
      const claims = { ...good(), sub: 'auth0|5f7c8ec7', 'https://shop.example/user': id };
      expect(await checked.verify(await bearer(claims))).toMatchObject({ user: 7 });
    },
  );

  it.each([undefined, 'auth0|5f7c8ec7', '07', 7.5, -7, 0, 1e21, Number.MAX_SAFE_INTEGER, ['7'], { id: 7 }, true])(
    'when the claim of the user is %p, then the token is refused, although sub would do',
    async (id) => {
      const checked = tokens({ userClaim: 'shop_user' });
      await expect(checked.verify(await bearer({ ...good(), shop_user: id }))).rejects.toThrow(
        /of no user of this shop/,
      );
    },
  );

  it.each(['toString', '__proto__'])(
    'when the claim of the user is named %s, then only a claim is read',
    async (name) => {
      await expect(tokens({ userClaim: name }).verify(await bearer(good()))).rejects.toThrow(/of no user of this shop/);
    },
  );

  it('when a token has scopes, then those of this shop count', async () => {
    const read = async (scope: unknown) => (await tokens().verify(await bearer({ ...good(), scope }))).scopes;
    expect(await read('openid ops email')).toEqual(['ops']);
    for (const scope of ['', 'opsx', 'OPS', 'ops2 xops', ['ops'], { ops: true }]) expect(await read(scope)).toEqual([]);
  });

  it('when a token was verified, then it is remembered without another verification, until it expires', async () => {
    let time = Date.now();
    const checked = tokens({ now: () => time });
    const header = await bearer({ ...good(), exp: now() + 100 });
    expect(checked.known(header)).toBeUndefined();
    await checked.verify(header);
    expect(checked.known(header)).toEqual({ user: 7, scopes: [] });
    expect(checked.known(`${header}x`)).toBeUndefined();
    time += 101_000;
    expect(checked.known(header)).toBeUndefined();
    time += 10_000;
    await expect(checked.verify(header)).rejects.toThrow(/UNAUTHENTICATED: The token has expired/);
  });

  it('when a token is valid only by the tolerance, then it is not remembered', async () => {
    const time = Date.now();
    for (const exp of [Math.floor(time / 1000), Math.floor(time / 1000) - 2]) {
      const checked = tokens({ now: () => Math.floor(time / 1000) * 1000 });
      const header = await bearer({ ...good(), exp });
      expect(await checked.verify(header)).toMatchObject({ user: 7 });
      expect(checked.known(header)).toBeUndefined();
    }
  });

  it('when a token lasts long, then it is verified again after ten minutes', async () => {
    let time = Date.now();
    const checked = tokens({ now: () => time });
    const header = await bearer(good());
    await checked.verify(header);
    time += 599_000;
    expect(checked.known(header)).toBeDefined();
    time += 2_000;
    expect(checked.known(header)).toBeUndefined();
  });

  it('when there are more tokens than are remembered, then the oldest is dropped', async () => {
    const checked = tokens({ mostKept: 2 });
    const headers = [];
    for (const sub of ['1', '2', '3']) headers.push(await bearer({ ...good(), sub }));
    for (const header of headers) await checked.verify(header);
    expect(headers.map((header) => checked.known(header)?.user)).toEqual([undefined, 2, 3]);
  });
});

describe('an invalid token', () => {
  it.each([
    '0',
    '01',
    '1e3',
    '-1',
    '+1',
    ' 1',
    '1 ',
    '1.0',
    '0x1',
    '',
    'abc',
    '9007199254740993',
    '99999999999999999999',
    '١',
  ])('when sub is %p, then it is refused', async (sub) => {
    await expect(tokens().verify(await bearer({ ...good(), sub }))).rejects.toThrow(/UNAUTHENTICATED/);
  });

  it.each([
    ['of another issuer', { iss: 'them' }],
    ['of no issuer', { iss: undefined }],
    ['for another audience', { aud: 'bank' }],
    ['expired', { exp: 1_000_000_000 }],
    ['without an end', { exp: undefined }],
    ['with an end that is text', { exp: '9999999999' }],
    ['not valid yet', { nbf: 9_999_999_999 }],
    ['valid from a time that is text', { nbf: '1' }],
    ['issued at a time that is text', { iat: '1' }],
    ['for other audiences', { aud: ['bank', 'shopping'] }],
    ['for an audience that is an object', { aud: { shop: true } }],
    ['without a user', { sub: undefined }],
    ['of a user that is a number', { sub: 7 }],
    ['of several users', { sub: ['7'] }],
  ])('when a token is %s, then it is refused', async (_what, claims) => {
    const header = await bearer({ ...good(), ...(claims as JWTPayload) });
    const checked = tokens();
    await expect(checked.verify(header)).rejects.toThrow(/UNAUTHENTICATED/);
    expect(checked.known(header)).toBeUndefined();
  });

  it('when a token is signed with another key, whatever name it gives the key, then it is refused', async () => {
    const other = await startIssuer();
    for (const kid of ['rs', 'es', 'ed'])
      await expect(tokens().verify(`Bearer ${await other.sign(good(), { kid })}`)).rejects.toThrow(/UNAUTHENTICATED/);
    await other.close();
  });

  it('when a token is changed after it was signed, then it is refused', async () => {
    const [head = '', , signature = ''] = (await issuer.sign(good())).split('.');
    const claims = base64url.encode(JSON.stringify({ ...good(), sub: '8' }));
    await expect(tokens().verify(`Bearer ${head}.${claims}.${signature}`)).rejects.toThrow(/UNAUTHENTICATED/);
  });

  it('when a token is not signed, or with the public key as a secret, then it is refused', async () => {
    const part = (value: object) => base64url.encode(JSON.stringify(value));
    const published = await (await fetch(issuer.url)).text();
    const hmac = await new SignJWT(good())
      .setProtectedHeader({ alg: 'HS256', kid: 'rs' })
      .sign(new TextEncoder().encode(published));
    for (const token of [
      `${part({ alg: 'none' })}.${part(good())}.`,
      `${part({ alg: 'none' })}.${part(good())}.AA`,
      `${part({ alg: 'None', kid: 'rs' })}.${part(good())}.AA`,
      hmac,
    ])
      await expect(tokens().verify(`Bearer ${token}`)).rejects.toThrow(/UNAUTHENTICATED/);
  });

  it('when a token names a key of another kind than its algorithm, then it is refused', async () => {
    const [, claims = '', signature = ''] = (await issuer.sign(good(), { kid: 'rs' })).split('.');
    for (const [alg, kid] of [
      ['ES256', 'rs'],
      ['EdDSA', 'rs'],
      ['RS256', 'es'],
      ['RS512', 'rs'],
      ['PS256', 'rs'],
      ['HS256', 'rs'],
      ['toString', 'rs'],
    ]) {
      const head = base64url.encode(JSON.stringify({ alg, kid }));
      await expect(tokens().verify(`Bearer ${head}.${claims}.${signature}`)).rejects.toThrow(/UNAUTHENTICATED/);
    }
  });

  it.each([{ crit: ['x'], x: 1 }, { crit: [] }, { b64: false }, { b64: false, crit: ['b64'] }])(
    'when it has an extension (%j), then it is refused, though it is signed',
    async (extension) => {
      const key = await generateKeyPair('RS256', { extractable: true });
      const find = async () => key.publicKey;
      const checked = tokens({ keys: { find, refresh: async () => undefined } });
      const sign = (header: object) => {
        const text = [{ alg: 'RS256', ...header }, good()]
          .map((part) => base64url.encode(JSON.stringify(part)))
          .join('.');
        const signature = signBytes('sha256', Buffer.from(text), KeyObject.from(key.privateKey));
        return `Bearer ${text}.${signature.toString('base64url')}`;
      };
      expect(await checked.verify(sign({}))).toMatchObject({ user: 7 });
      await expect(checked.verify(sign(extension))).rejects.toThrow(/UNAUTHENTICATED/);
    },
  );

  it('when the key of a token is too short to be safe, then it is refused', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const find = async () => publicKey.toCryptoKey({ name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, true, ['verify']);
    const text = [{ alg: 'RS256' }, good()].map((part) => base64url.encode(JSON.stringify(part))).join('.');
    const token = `${text}.${signBytes('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    const checked = tokens({ keys: { find, refresh: async () => undefined } });
    await expect(checked.verify(`Bearer ${token}`)).rejects.toThrow(/UNAUTHENTICATED/);
  });

  it('when a token does not say which of several keys signed it, then it is refused', async () => {
    const several = tokens();
    issuer.published = ['rs', 'rs2'];
    await expect(several.verify(await bearer(good(), { header: { kid: undefined } }))).rejects.toThrow(
      /UNAUTHENTICATED/,
    );
  });

  it.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer a',
    'Bearer a.b',
    'Bearer a.b.c',
    'Bearer a.b.c.d',
    'Bearer a.b.c.d.e',
    'Basic dXNlcjpwYXNz',
    'Bearer null',
    `Bearer ${'a'.repeat(5_000)}.b.c`,
    'Bearer a.b.c, Bearer d.e.f',
    'Bearer ../../etc/passwd',
  ])('when the header is %p, then it is refused', async (header) => {
    await expect(tokens().verify(header)).rejects.toThrow(/UNAUTHENTICATED/);
    expect(issuer.asked).toBe(0);
  });

  it('when a header has more spaces, then it is refused, since each spelling would be remembered', async () => {
    const token = await issuer.sign(good());
    for (const spaces of ['  ', ' '.repeat(5_000), '\t'])
      await expect(tokens().verify(`Bearer${spaces}${token}`)).rejects.toThrow(/UNAUTHENTICATED/);
  });

  it('when a token is huge, then it is refused unread, though it is signed', async () => {
    await expect(tokens().verify(await bearer({ ...good(), text: 'x'.repeat(5_000) }))).rejects.toThrow(
      /UNAUTHENTICATED/,
    );
    expect(issuer.asked).toBe(0);
  });
});
