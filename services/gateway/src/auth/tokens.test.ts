import { generateKeyPairSync, KeyObject, sign as signBytes } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { remoteKeys } from './keys.ts';
import { createTokens, type Tokens } from './tokens.ts';

/** An issuer: its keys, and the address where it publishes some of them. */
interface Issuer {
  readonly url: string;
  /** The published keys; undefined while it is away. */
  published: readonly string[] | undefined;
  asked: number;
  sign(claims: JWTPayload, options?: { kid?: string; header?: Record<string, unknown> }): Promise<string>;
  close(): Promise<void>;
}

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

describe('the keys of an issuer', () => {
  let later = 0;
  const dateNow = Date.now;
  beforeEach(() => {
    later = 0;
    jest.spyOn(Date, 'now').mockImplementation(() => dateNow() + later);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('when the issuer is away from the start, then no token can be judged until it is back', async () => {
    const checked = tokens();
    issuer.published = undefined;
    const header = await bearer(good());
    for (let i = 0; i < 5; i++) await expect(checked.verify(header)).rejects.toThrow(/SERVICE_UNAVAILABLE/);
    expect(issuer.asked).toBe(1);
    issuer.published = ['rs'];
    later += 1_001;
    expect(await checked.verify(header)).toMatchObject({ user: 7 });
  });

  it('when the issuer goes away, then tokens of known keys are valid, and of unknown keys it is unknown', async () => {
    const checked = tokens();
    issuer.published = ['rs'];
    await checked.verify(await bearer(good()));
    issuer.published = undefined;
    later += 31_000;
    const unknown = await bearer(good(), { kid: 'es' });
    for (let i = 0; i < 3; i++) await expect(checked.verify(unknown)).rejects.toThrow(/SERVICE_UNAVAILABLE/);
    expect(issuer.asked).toBe(2);
    expect(await checked.verify(await bearer({ ...good(), sub: '9' }))).toMatchObject({ user: 9 });
    later += 86_400_000;
    expect(await checked.verify(await bearer({ ...good(), exp: now() + HOUR, sub: '10' }))).toMatchObject({ user: 10 });
    issuer.published = ['rs', 'es'];
    expect(await checked.verify(await bearer(good(), { kid: 'es' }))).toMatchObject({ user: 7 });
  });

  it('when a token has an unknown key, then the keys are not fetched for each such token', async () => {
    const checked = tokens();
    issuer.published = ['rs'];
    for (let i = 0; i < 10; i++)
      await expect(checked.verify(await bearer(good(), { kid: 'es', header: { kid: `k${i}` } }))).rejects.toThrow(
        /UNAUTHENTICATED/,
      );
    expect(issuer.asked).toBe(1);
  });

  it('when the keys are fetched again, then a revoked key is no longer accepted', async () => {
    const keys = remoteKeys(issuer.url);
    await tokens({ keys }).verify(await bearer(good()));
    issuer.published = ['es'];
    await keys.refresh();
    await expect(tokens({ keys }).verify(await bearer(good()))).rejects.toThrow(/UNAUTHENTICATED/);
  });
});

async function startIssuer(): Promise<Issuer> {
  const pairs = new Map<string, { alg: string; privateKey: CryptoKey; jwk: object }>();
  for (const [kid, alg] of [
    ['rs', 'RS256'],
    ['rs2', 'RS256'],
    ['es', 'ES256'],
    ['ed', 'EdDSA'],
  ] as const) {
    const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
    pairs.set(kid, { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' } });
  }
  const server: Server = createServer((_request, response) => {
    issuer.asked++;
    if (!issuer.published) response.writeHead(500).end();
    else response.end(JSON.stringify({ keys: issuer.published.map((kid) => pairs.get(kid)?.jwk) }));
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const issuer: Issuer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    published: ['rs'],
    asked: 0,
    async sign(claims, { kid = 'rs', header = {} } = {}) {
      const pair = pairs.get(kid);
      if (!pair) throw new Error(`there is no key ${kid}`);
      return await new SignJWT(claims).setProtectedHeader({ alg: pair.alg, kid, ...header }).sign(pair.privateKey);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return issuer;
}
