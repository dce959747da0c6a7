import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Keys, remoteKeys } from './keys.ts';
import { type Issuer, startIssuer } from './testing.ts';
import { createTokens, type Tokens } from './tokens.ts';

const HOUR = 3_600;
const good = () => ({ sub: '7', iss: 'us', aud: 'shop', exp: Math.floor(Date.now() / 1000) + HOUR });
const bearer = async (...args: Parameters<Issuer['sign']>) => `Bearer ${await issuer.sign(...args)}`;

let issuer: Issuer;
let time: number;
let changes: unknown[];
let keys: Keys;
let checked: Tokens;

beforeAll(async () => {
  issuer = await startIssuer();
});
afterAll(() => issuer.close());
beforeEach(() => {
  Object.assign(issuer, { published: ['rs'], raw: undefined, holds: Promise.resolve(), asked: 0 });
  time = 1_000;
  changes = [];
  keys = remoteKeys(issuer.url, { now: () => time, onChange: (failure) => changes.push(failure) });
  // A new one for each token, so that none is remembered.
  checked = createTokens({ keys, issuer: 'us', audience: 'shop', mostKept: 1 });
});

/** What the client of a token is told: its user, or the code of the refusal with its Retry-After. */
async function told(kid = 'rs', invented?: string): Promise<unknown> {
  const header = await bearer(good(), { kid, ...(invented !== undefined && { header: { kid: invented } }) });
  return await checked.verify(header).then(
    ({ user }) => user,
    ({ code, extra }) => (code === 'UNAUTHENTICATED' ? code : `${code} ${extra.retryAfterSeconds}`),
  );
}

describe('the keys of an issuer', () => {
  it('when the issuer is away from the start, then no token can be judged until it is back', async () => {
    issuer.published = undefined;
    for (let i = 0; i < 5; i++) expect(await told()).toBe('SERVICE_UNAVAILABLE 1');
    expect(issuer.asked).toBe(1);
    issuer.published = ['rs'];
    time += 1_001;
    expect(await told()).toBe(7);
    expect(changes).toEqual([expect.any(Error), undefined]);
  });

  it('when the issuer goes away, then tokens of known keys are valid, and of unknown keys it is unknown', async () => {
    expect(await told()).toBe(7);
    issuer.published = undefined;
    time += 31_000;
    for (let i = 0; i < 3; i++) expect(await told('es')).toBe('SERVICE_UNAVAILABLE 1');
    expect(issuer.asked).toBe(2);
    expect(await told()).toBe(7);
    time += 86_400_000;
    expect(await told()).toBe(7);
    issuer.published = ['rs', 'es'];
    expect(await told('es')).toBe(7);
  });

  it('when the issuer changes its key right after a fetch and goes away, then its tokens are not refused but put off', async () => {
    expect(await told()).toBe(7);
    issuer.published = undefined;
    // Within the time in which no fetch is made, and after it, when it fails.
    expect(await told('es')).toBe('SERVICE_UNAVAILABLE 5');
    time += 3_500;
    expect(await told('es')).toBe('SERVICE_UNAVAILABLE 2');
    time += 1_500;
    expect(await told('es')).toBe('SERVICE_UNAVAILABLE 1');
    issuer.published = ['es'];
    time += 1_000;
    expect(await told('es')).toBe(7);
    expect(await told('rs')).toBe('UNAUTHENTICATED');
  });

  it('when tokens with invented keys keep coming, then fetches are few and a new key is found all the same', async () => {
    expect(await told('rs', 'k0')).toBe('UNAUTHENTICATED');
    for (let i = 1; i <= 10; i++) expect(await told('rs', `k${i}`)).toBe('SERVICE_UNAVAILABLE 5');
    // The same as before: a fetch did not bring it.
    expect(await told('rs', 'k0')).toBe('UNAUTHENTICATED');
    expect(issuer.asked).toBe(1);
    issuer.published = ['rs', 'es'];
    for (let second = 1; second <= 5; second++) {
      time += 1_000;
      for (let i = 0; i < 5; i++) await told('rs', `k${second}-${i}`);
    }
    expect(await told('es')).toBe(7);
    expect(issuer.asked).toBe(2);
  });

  it('when a token comes during a fetch that began before its key was published, then it is put off', async () => {
    expect(await told()).toBe(7);
    time += 6_000;
    let answer: () => void = () => undefined;
    issuer.holds = new Promise((resolve) => {
      answer = resolve;
    });
    const invented = told('rs', 'invented');
    while (issuer.asked < 2) await new Promise((resolve) => void setImmediate(resolve));
    issuer.published = ['rs', 'es'];
    const late = told('es');
    // Signing takes its time: the token must have joined the fetch.
    await bearer(good());
    answer();
    expect(await invented).toBe('UNAUTHENTICATED');
    expect(await late).toBe('SERVICE_UNAVAILABLE 5');
    time += 5_000;
    expect(await told('es')).toBe(7);
  });

  it.each([
    ['empty', '{"keys":[]}'],
    ['not JSON', '<html>maintenance</html>'],
    ['null', 'null'],
    ['a list', '[]'],
    ['of another form', '{"keys":{"rs":{}}}'],
    ['of secrets', '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}'],
    ['of unknown kinds', '{"keys":[{"kty":"XYZ","kid":"rs"},null,7,{}]}'],
    ['of broken keys', '{"keys":[{"kty":"RSA","kid":"rs","n":"","e":"AQAB"},{"kty":"EC","kid":"es","crv":"P-256"}]}'],
    ['of keys for another use', '{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"ed","use":"enc","x":"AA"}]}'],
  ])('when a fetched set is %s, then it does not take the place of the good one', async (_what, raw) => {
    expect(await told()).toBe(7);
    issuer.raw = raw;
    await expect(keys.refresh()).rejects.toThrow();
    expect(await told()).toBe(7);
    time += 6_000;
    expect(await told('es')).toBe('SERVICE_UNAVAILABLE 1');
    expect(await told()).toBe(7);
    issuer.raw = undefined;
    issuer.published = ['es'];
    time += 1_000;
    expect(await told('es')).toBe(7);
  });

  it('when only a part of a fetched set is broken, then the good part counts', async () => {
    const published = (await (await fetch(issuer.url)).json()) as { keys: object[] };
    issuer.raw = JSON.stringify({ keys: [{ kty: 'RSA', kid: 'es', n: 'x', e: 'x' }, ...published.keys, {}] });
    expect(await told()).toBe(7);
  });

  it('when the keys are fetched again, then a revoked key is no longer accepted', async () => {
    expect(await told()).toBe(7);
    issuer.published = ['es'];
    await keys.refresh();
    expect(
      await createTokens({ keys })
        .verify(await bearer(good()))
        .catch(({ code }) => code),
    ).toBe('UNAUTHENTICATED');
  });
});
