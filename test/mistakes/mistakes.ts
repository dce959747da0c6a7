import type { Mutation } from '../support/mutation.ts';

/** A mistake that tests without servers must notice. */
export interface Mistake extends Mutation {
  /** The file of tests of which at least one must fail. */
  readonly test: string;
}

/** Mistakes in one file, each of which the tests in one other file must notice. */
const of = (file: string, test: string, mistakes: readonly Omit<Mistake, 'file' | 'test'>[]): Mistake[] =>
  mistakes.map((each) => ({ ...each, file, test }));

export const MISTAKES: readonly Mistake[] = [
  ...of('services/catalog/src/domain/waiting.ts', 'services/catalog/src/domain/waiting.test.ts', [
    {
      name: 'held pieces count as sold out',
      from: 'product.available + product.reserved < quantity',
      to: 'product.available < quantity',
    },
    {
      name: 'a withdrawn product is sold on',
      from: 'product?.onSale === false',
      to: 'product?.onSale === undefined',
    },
    {
      name: 'somebody behind in line takes what those ahead wait for',
      from: '(product?.available ?? 0) - ahead.ofProduct(productId) < quantity',
      to: '(product?.available ?? 0) < quantity',
    },
    {
      name: 'a user holds unpaid pieces without limit',
      from: 'return own + quantity > limits.unpaidPieces;',
      to: 'return own + quantity < 0;',
    },
    {
      name: 'the own orders in line do not count for the limit of unpaid pieces',
      from: '(unpaid.get(unpaidKey(userId, productId)) ?? 0) + ahead.ofUser(userId, productId)',
      to: '(unpaid.get(unpaidKey(userId, productId)) ?? 0)',
    },
    {
      name: 'a user’s own limit keeps back others',
      from: "if (reason === 'UNPAID_LIMIT') continue;",
      to: '',
    },
    {
      name: 'a line for a product has no end',
      from: '(products.get(productId)?.waiting ?? 0) >= limits.waitingOrders ||',
      to: '',
    },
    {
      name: 'a changed price is charged without a word',
      from: 'if (expectedTotal !== null && expectedTotal !== totalAmount)',
      to: 'if (expectedTotal !== null && expectedTotal > totalAmount)',
    },
  ]),
  ...of('services/coupon/src/domain/redemption.ts', 'services/coupon/src/domain/redemption.test.ts', [
    {
      name: 'a coupon is spent on an order that it takes nothing off',
      from: 'if (discountAmount === 0)',
      to: 'if (discountAmount < 0)',
    },
    {
      name: 'a revoked coupon can be used',
      from: "return 'COUPON_REVOKED';",
      to: 'return coupon;',
    },
    {
      name: 'a coupon that expired while the service lagged is refused',
      from: 'isOver(coupon, new Date(placedAt.getTime() - CLOCKS_DIFFER_MS))',
      to: 'isOver(coupon, new Date())',
    },
    {
      name: 'a coupon that is marked EXPIRED cannot be used by an order placed before',
      from: "    case 'EXPIRED':\n    case 'ISSUED':\n      return isOver",
      to: "    case 'EXPIRED':\n      return 'COUPON_EXPIRED';\n    case 'ISSUED':\n      return isOver",
    },
    {
      name: 'another user’s coupon can be used',
      from: '!coupon || coupon.userId !== userId',
      to: '!coupon',
    },
    {
      name: 'a revoked coupon that comes back can be used again',
      from: "if (coupon.revokedAt) return { ...coupon, status: 'REVOKED' };",
      to: '',
    },
  ]),
  ...of('services/coupon/src/domain/policy-end.ts', 'services/coupon/src/domain/policy-end.test.ts', [
    {
      name: 'a policy that is ended already cannot be revoked',
      from: 'ends.some((it) => it.revoke || !wish.revoke)',
      to: 'ends.length > 0',
    },
    {
      name: 'a revocation may lie before the end of its policy',
      from: 'new Date(Math.max(now.getTime(), ...ends.map((it) => it.at.getTime())))',
      to: 'now',
    },
  ]),
  ...of('services/order/src/usecases/order-view.ts', 'services/order/src/usecases/order-view.test.ts', [
    {
      name: 'a refunded order shows what it paid',
      from: "refund?.status === 'DONE' ? 0 : (payment?.paidAmount ?? null)",
      to: 'payment?.paidAmount ?? null',
    },
  ]),
  ...of('services/order/src/domain/standstill.ts', 'services/order/src/domain/standstill.test.ts', [
    {
      name: 'one order that is late makes the saga stand still',
      from: 'last.length === ENOUGH && ',
      to: '',
    },
    {
      name: 'orders that wait do not tell that the saga stands still',
      from: "!last.includes('ended')",
      to: "last.every((fate) => fate === 'dead')",
    },
  ]),
  ...of('services/order/src/delivery/retry-after.ts', 'services/order/src/delivery/retry-after.test.ts', [
    {
      name: 'a date in Retry-After is compared with the own clock',
      from: "(dateOf(headers.get('date')) || now)",
      to: 'now',
    },
    {
      name: 'a mistaken Retry-After stops the delivery for long',
      from: 'Math.min(Math.max(ms, 0), MAX_WAIT_MS)',
      to: 'Math.max(ms, 0)',
    },
  ]),
  ...of('services/order/src/delivery/breaker.ts', 'services/order/src/delivery/delivery.test.ts', [
    {
      name: 'the data platform’s Retry-After is not obeyed',
      from: 'notBefore = now() + (error.retryAfterMs ?? 0)',
      to: 'notBefore = now()',
    },
  ]),
  ...of('libs/chassis/src/http/id.ts', 'libs/chassis/src/http/id.test.ts', [
    {
      name: 'an id in capital letters is another id',
      from: "typeof text === 'string' && UUID.test(text) ? text.toLowerCase() : undefined",
      to: "typeof text === 'string' && UUID.test(text) ? text : undefined",
    },
  ]),
  ...of('services/gateway/src/protect/forwarded.ts', 'services/gateway/src/protect/client-address.test.ts', [
    {
      name: 'an address with a port is none',
      from: "const PORT = '(?::(?:\\\\d{1,5}|_[\\\\w.-]+))?';",
      to: "const PORT = '';",
    },
    {
      name: 'a comma within quotes ends an element of Forwarded',
      from: 'else if (character === separator && !quoted) return i;',
      to: 'else if (character === separator) return i;',
    },
    {
      name: 'IPv4 written as IPv6 is another client',
      from: 'if (high === undefined || low === undefined) return six;',
      to: 'if (high !== undefined || low === undefined) return six;',
    },
  ]),
  ...of('services/gateway/src/protect/client-address.ts', 'services/gateway/src/protect/client-address.test.ts', [
    {
      name: 'what a client wrote into X-Forwarded-For itself is believed',
      from: 'while (isIP(address) !== 0 && isProxy(address)) {',
      to: 'while (isIP(address) !== 0) {',
    },
    {
      name: 'an IPv6 customer is a new one with each address',
      from: 'const first = groups.slice(0, 4)',
      to: 'const first = groups.slice(0, 8)',
    },
  ]),
  ...of('services/gateway/src/auth/keys.ts', 'services/gateway/src/auth/keys.test.ts', [
    {
      name: 'an empty key set takes the place of a good one',
      from: 'if (!usable.includes(true))',
      to: 'if (usable.length < 0)',
    },
    {
      name: 'a good token is refused while a new key is not known yet',
      from: 'throw new KeysAwayError(waitMs, { cause: failure });',
      to: 'throw new errors.JWKSNoMatchingKey();',
    },
    {
      name: 'each unknown key causes a fetch',
      from: 'if (waitMs > 0 && !pending) {',
      to: 'if (waitMs > 1e9 && !pending) {',
    },
  ]),
  ...of('ops/src/time.ts', 'ops/src/command.test.ts', [
    {
      name: '45 is the year 2045',
      from: 'if (count === undefined && !isoTime.safeParse(text).success) throw',
      to: 'if (count === undefined && Number.isNaN(Date.parse(text))) throw',
    },
    {
      name: 'a look may begin in the future',
      from: 'if (at.getTime() > now.getTime())',
      to: 'if (at.getTime() > now.getTime() + 1e15)',
    },
  ]),
  ...of('ops/src/audit/findings.ts', 'ops/src/audit/findings.test.ts', [
    {
      name: 'a check that looked at nothing is ok',
      from: "result.checked === 0 && parked.length === 0 ? 'NOTHING_TO_CHECK' : 'HOLDS'",
      to: "'HOLDS'",
    },
    {
      name: 'any dead letter excuses a contradiction',
      from: 'waitsFor.length > 0 && waitsFor.every((name) => letters.has(name))',
      to: 'letters.size > 0',
    },
  ]),
  ...of('ops/src/audit/log.ts', 'ops/src/audit/log.test.ts', [
    {
      name: 'lag counts what the log no longer holds',
      from: 'to - Math.max(from, committed ?? from)',
      to: 'to - (committed ?? 0)',
    },
  ]),
  ...of('ops/src/doctor/clocks.ts', 'ops/src/doctor/clocks.test.ts', [
    {
      name: 'doctor finds every clock in step',
      from: 'if (Math.abs(skewMs) <= ALLOWED_MS + errorMs)',
      to: 'if (Math.abs(skewMs) <= 1e9 + errorMs)',
    },
  ]),
  ...of('libs/events/src/repeats.ts', 'libs/events/src/repeats.test.ts', [
    {
      name: 'a consumer that restarts again and again writes a line each time',
      from: 'Math.abs(now() - last.at) < everyMs',
      to: 'Math.abs(now() - last.at) < 0',
    },
  ]),
  ...of('libs/events/src/kafka/restarts.ts', 'libs/events/src/kafka/restarts.test.ts', [
    {
      name: 'restarting for ever looks like a broker that was away',
      from: 'short >= IN_VAIN || failed >= NOT_JOINED || alike.ends >= IN_VAIN',
      to: 'failed >= NOT_JOINED',
    },
  ]),
];
