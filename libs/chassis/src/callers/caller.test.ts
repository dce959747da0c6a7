import { describe, expect, it } from '@jest/globals';
import {
  ANYBODY,
  type Caller,
  createCallerSigner,
  createCallerVerifier,
  NOBODY,
  parseInternalKeys,
  requireScope,
} from './caller.ts';

const OLD = `old:${'o'.repeat(32)}`;
const NEW = `new:${'n'.repeat(40)}`;
const NOW = 1_800_000_000_000;
const at = (ms: number) => () => ms;
const sign = createCallerSigner(parseInternalKeys(OLD), at(NOW));
const verify = createCallerVerifier(parseInternalKeys(OLD), at(NOW));
const user: Caller = { user: 7, scopes: [] };
const operator: Caller = { user: 8, scopes: ['ops'] };

describe('a signed call', () => {
  it.each([user, operator, NOBODY, ANYBODY])('when nothing was changed, then the caller is read back: %j', (caller) => {
    expect(verify(sign(caller, 'GET', '/orders?userId=7'), 'GET', '/orders?userId=7')).toEqual(caller);
  });

  it('when a signed header is used for another method, path or query, then no caller is read', () => {
    const header = sign(user, 'GET', '/orders/1?userId=7');
    for (const [method, path] of [
      ['POST', '/orders/1?userId=7'],
      ['HEAD', '/orders/1?userId=7'],
      ['GET', '/orders/2?userId=7'],
      ['GET', '/orders/1?userId=8'],
      ['GET', '/orders/1'],
      ['GET', '/orders/1?userId=7&x='],
      ['', 'GET\n/orders/1?userId=7'],
    ] as const)
      expect(verify(header, method, path)).toBeUndefined();
  });

  it('when any field of the header is changed, then no caller is read', () => {
    const header = sign(user, 'GET', '/orders');
    const fields = header.split('.');
    for (const [field, values] of [
      [0, ['new', '', 'constructor']],
      [1, [String(NOW / 1000 + 1), '', 'x']],
      [2, ['8', 'anybody', 'nobody', '07', '7.0']],
      [3, ['ops', '+']],
      [4, ['', 'A'.repeat(43), `${fields[4]}=`, `${fields[4]}A`]],
    ] as const) {
      for (const value of values) {
        const forged = fields.with(field, value).join('.');
        expect([forged, verify(forged, 'GET', '/orders')]).toEqual([forged, undefined]);
      }
    }
    // A dot within a field shifts the fields after it.
    expect(verify(header.replace('.7.', '.7..'), 'GET', '/orders')).toBeUndefined();
  });

  it('when a signature has as many characters but more bytes, then no caller is read', () => {
    const claims = sign(user, 'GET', '/orders').split('.').slice(0, -1).join('.');
    expect(verify(`${claims}.é${'A'.repeat(42)}`, 'GET', '/orders')).toBeUndefined();
  });

  it.each([undefined, '', '.', '....', 'x'.repeat(100_000), ['a', 'b']])(
    'when there is no such header, or nonsense (%p), then it is nobody’s',
    (header) => {
      expect(verify(header, 'GET', '/orders')).toBeUndefined();
    },
  );

  it.each([
    [-61, undefined],
    [-60, user],
    [60, user],
    [61, undefined],
  ])('when the clocks are %i s apart, then the caller is read: %j', (seconds, caller) => {
    const elsewhere = createCallerVerifier(parseInternalKeys(OLD), at(NOW + seconds * 1000));
    expect(elsewhere(sign(user, 'GET', '/orders'), 'GET', '/orders')).toEqual(caller);
  });

  it('when keys change one step after the other, then no call is refused', () => {
    const steps = [OLD, `${OLD},${NEW}`, `${NEW},${OLD}`, NEW].map(parseInternalKeys);
    const accepts = (signing: number, verifying: number): boolean => {
      const header = createCallerSigner(steps[signing] ?? parseInternalKeys(OLD), at(NOW))(user, 'GET', '/');
      return (
        createCallerVerifier(steps[verifying] ?? parseInternalKeys(OLD), at(NOW))(header, 'GET', '/') !== undefined
      );
    };
    // During the rollout of a step, some processes are one step ahead of the others.
    for (const [one, next] of [
      [0, 1],
      [1, 2],
      [2, 3],
    ] as const)
      expect([accepts(one, one), accepts(one, next), accepts(next, one)]).toEqual([true, true, true]);
    expect([accepts(0, 3), accepts(3, 0)]).toEqual([false, false]);
  });
});

it.each([
  '',
  'id',
  `:${'s'.repeat(32)}`,
  'id:short',
  `a.b:${'s'.repeat(32)}`,
  `${OLD},${OLD}`,
  `${OLD},`,
  `a:b:${'s'.repeat(32)}`,
  `a:${'s'.repeat(32)} s`,
])('when the keys are wrong (%s), then they are refused in words without a secret', (text) => {
  let words = '';
  try {
    parseInternalKeys(text);
  } catch (error) {
    words = String(error);
  }
  expect(words).toMatch(/^Error: \w/);
  expect(words).not.toMatch(/sss|ooo|short/);
});

it('when a scope is wanted, then only a caller with it passes', () => {
  expect(() => requireScope({ caller: operator }, 'ops')).not.toThrow();
  expect(() => requireScope({ caller: ANYBODY }, 'ops')).not.toThrow();
  expect(() => requireScope({ caller: user }, 'ops')).toThrow(/FORBIDDEN/);
  expect(() => requireScope({ caller: NOBODY }, 'ops')).toThrow(/UNAUTHENTICATED/);
  expect(() => requireScope({}, 'ops')).toThrow(/UNAUTHENTICATED/);
});
