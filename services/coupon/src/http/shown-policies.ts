import {
  type Copies,
  createCopies,
  type FindOptions,
  type Metrics,
  type Rendered,
  renderJson,
  toPage,
} from '@shop/chassis';
import type { CouponReads } from '../usecases/ports.ts';
import { policyView } from './views.ts';

/** Oldest copy of a policy that is shown, ms; with the gateway's quarter of a second it stays below a second. */
export const MAX_AGE_MS = 500;

/** Pages of policies as rendered answers. */
export interface ShownPolicies {
  /** Sorted by id, only those after `after`. */
  list(page: PolicyPage, options?: FindOptions): Promise<Rendered> | Rendered;
}

interface PolicyPage {
  readonly after: number | undefined;
  readonly limit: number;
}

/**
 * All clients are shown the same policies, so bodies and their ETags are kept for a moment. There is rarely a second
 * page.
 */
export function createShownPolicies(
  listPolicies: CouponReads['listPolicies'],
  metrics?: Metrics,
): ShownPolicies & Pick<Copies<never, never>, 'changed' | 'stop'> {
  const { find, changed, stop } = createCopies<PolicyPage, Rendered>({
    name: 'coupon-policies',
    maxAgeMs: MAX_AGE_MS,
    keyOf: ({ after, limit }) => `${after ?? ''}+${limit}`,
    load: (pages) =>
      Promise.all(
        pages.map(async ({ after, limit }) => {
          const rows = await listPolicies({ after, take: limit + 1 });
          return renderJson(toPage(rows.map(policyView), limit, (row) => row.couponPolicyId));
        }),
      ),
    bytesOf: ({ body }) => body.length,
    ...(metrics ? { metrics } : {}),
  });
  return { list: find, changed, stop };
}
