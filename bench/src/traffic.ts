import { orderBody, type Profile, seeded } from './profiles.ts';

/** The kind of a load's requests, in a form that can be sent to another process. */
export type Traffic =
  | {
      readonly kind: 'orders';
      readonly profile: Profile;
      readonly users: number;
      readonly products: readonly number[];
      /** Orders a second that wait for the end of their saga (`Prefer: wait`). */
      readonly waitsPerSecond: number;
    }
  | {
      /** Each request comes from another user, from `firstUser` up, so that nobody asks twice. */
      readonly kind: 'coupons';
      readonly couponPolicyId: number;
      readonly firstUser: number;
      /** The right answer: the coupon, that none is left, or (with `Prefer: respond-async`) a receipt. */
      readonly expects: 'issued' | 'sold-out' | 'accepted';
    }
  | {
      /** The same over several policies, each with so many coupons: one policy has too few for a long load. */
      readonly kind: 'claims';
      readonly policies: readonly number[];
      readonly couponsEach: number;
      readonly firstUser: number;
    }
  | {
      /** Reads these paths in turn. */
      readonly kind: 'reads';
      readonly paths: readonly string[];
    };

export interface LoadRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The requesting user. */
  readonly userId?: number;
  /** Statuses of a right answer. */
  readonly good: readonly number[];
  /** The problem code of a right answer, if it is a problem. */
  readonly goodCode?: string;
  /** True when the answer waits for the end of a saga; such answers are measured apart. */
  readonly waits: boolean;
}

const WAIT_SECONDS = 10;
const JSON_BODY = { 'content-type': 'application/json' };

/**
 * The requests of a load, by number; the same for the same traffic.
 * @param run prefix of every idempotency key; must differ from other loads'
 */
export function requestsOf(traffic: Traffic, rate: number, run: string): (index: number) => LoadRequest {
  switch (traffic.kind) {
    case 'orders':
      return orders(traffic, rate, run);
    case 'coupons':
      return coupons(traffic);
    case 'claims':
      return claims(traffic);
    case 'reads':
      return reads(traffic);
  }
}

function orders(
  { profile, users, products, waitsPerSecond }: Extract<Traffic, { kind: 'orders' }>,
  rate: number,
  run: string,
): (index: number) => LoadRequest {
  const random = seeded([...profile.name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const waitEvery = waitsPerSecond > 0 ? Math.max(1, Math.round(rate / waitsPerSecond)) : Number.POSITIVE_INFINITY;
  return (index) => {
    const waits = index % waitEvery === waitEvery - 1;
    const body = orderBody(profile, users, products, random);
    return {
      method: 'POST',
      path: '/orders',
      headers: {
        ...JSON_BODY,
        'idempotency-key': `bench-${run}-${index}`,
        ...(waits && { prefer: `wait=${WAIT_SECONDS}` }),
      },
      body: JSON.stringify(body),
      userId: body.userId,
      good: [202, 201],
      waits,
    };
  };
}

function coupons({ couponPolicyId, firstUser, expects }: Extract<Traffic, { kind: 'coupons' }>) {
  const headers = expects === 'accepted' ? { ...JSON_BODY, prefer: 'respond-async' } : JSON_BODY;
  const right = {
    issued: { good: [200] },
    'sold-out': { good: [409], goodCode: 'COUPON_SOLD_OUT' },
    accepted: { good: [202] },
  }[expects];
  return (index: number): LoadRequest => ({
    method: 'POST',
    path: '/coupons/issue',
    headers,
    body: JSON.stringify({ userId: firstUser + index, couponPolicyId }),
    userId: firstUser + index,
    ...right,
    waits: false,
  });
}

function claims({ policies, couponsEach, firstUser }: Extract<Traffic, { kind: 'claims' }>) {
  const byPolicy = policies.map((couponPolicyId) =>
    coupons({ kind: 'coupons', couponPolicyId, firstUser, expects: 'issued' }),
  );
  return (index: number): LoadRequest => {
    const requestAt = byPolicy[Math.floor(index / couponsEach)];
    if (!requestAt) throw new Error(`There are coupons for ${policies.length * couponsEach} requests only`);
    return requestAt(index);
  };
}

function reads({ paths }: Extract<Traffic, { kind: 'reads' }>) {
  if (paths.length === 0) throw new Error('There is no path to read');
  return (index: number): LoadRequest => ({
    method: 'GET',
    path: paths[index % paths.length] ?? '/',
    headers: {},
    good: [200],
    waits: false,
  });
}
