import { request } from 'undici';
import type { Addresses } from '../../../ops/src/addresses.ts';
import { signedCalls } from '../../../ops/src/signed-call.ts';
import { createPolicy } from '../coupons.ts';
import { profileOf } from '../profiles.ts';
import type { Share } from './plan.ts';

/** Users with points from the demo data. */
const USERS = 10_000;
/** Most coupons of a policy. */
const COUPONS_EACH = 100_000;
const POPULAR = '/products/popular';

/**
 * Creates policies with coupons for this many requests, past the gateway, since this is not measured.
 * @returns their ids
 */
export async function createPolicies(
  addresses: Pick<Addresses, 'services' | 'internalKeys'>,
  coupons: number,
): Promise<number[]> {
  const { services, internalKeys } = addresses;
  const coupon = { url: services.coupon.urls[0] ?? '', signed: signedCalls(internalKeys) };
  const ids: number[] = [];
  for (let left = coupons; left > 0; left -= COUPONS_EACH) {
    ids.push(await createPolicy(coupon, Math.min(COUPONS_EACH, left)));
  }
  return ids;
}

/** Creates a product. @returns its id */
export async function createProduct(
  { services, internalKeys }: Pick<Addresses, 'services' | 'internalKeys'>,
  product: { name: string; price: number; stockQuantity: number },
): Promise<number> {
  const path = '/products';
  const answer = await request(`${services.catalog.urls[0]}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signedCalls(internalKeys)('POST', path) },
    body: JSON.stringify(product),
  });
  if (answer.statusCode !== 201)
    throw new Error(`POST ${path} was answered ${answer.statusCode}: ${(await answer.body.text()).slice(0, 300)}`);
  return ((await answer.body.json()) as { productId: number }).productId;
}

export function orders(products: readonly number[], weight = 1): Share {
  const profile = profileOf(1, false);
  return { name: 'orders', weight, traffic: { kind: 'orders', profile, users: USERS, products, waitsPerSecond: 0 } };
}

/** Each request comes from another user. @param policies from `createPolicies` */
export function coupons(policies: readonly number[], weight = 1): Share {
  return { name: 'coupons', weight, traffic: { kind: 'claims', policies, couponsEach: COUPONS_EACH, firstUser: 1 } };
}

function reads(name: string, paths: readonly string[], weight = 1): Share {
  return { name, weight, traffic: { kind: 'reads', paths } };
}

export const list = (weight = 1): Share => reads('list', ['/products?limit=20'], weight);

export const product = (products: readonly number[], weight = 1): Share =>
  reads(
    'product',
    products.map((id) => `/products/${id}`),
    weight,
  );

export const points = (weight = 1): Share =>
  reads(
    'points',
    // Consecutive ids are far apart, as with real users.
    Array.from({ length: USERS }, (_, index) => `/points?userId=${1 + ((index * 7_919) % USERS)}`),
    weight,
  );

/** Reads of a sale's visitors: mostly single products, then the list, their points, and the best sold. */
export function browsing(products: readonly number[], weight = 1): Share {
  const product = (index: number) => `/products/${products[(index * 31) % products.length] ?? 1}`;
  const paths = Array.from({ length: 1_000 }, (_, index) => {
    const which = index % 10;
    if (which < 5) return product(index);
    if (which < 8) return '/products?limit=20';
    return which === 8 ? POPULAR : `/points?userId=${1 + ((index * 7_919) % USERS)}`;
  });
  return reads('reads', paths, weight);
}

/** 80 % reads, 15 % coupon requests, 5 % orders. */
export function sale(products: readonly number[], policies: readonly number[]): Share[] {
  return [browsing(products, 80), coupons(policies, 15), orders(products, 5)];
}
