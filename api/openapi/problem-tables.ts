import { COMMON_PROBLEMS, type ProblemTable } from '@shop/chassis';
import { PROBLEMS as ops } from '../../ops-console/problems.ts';
import { PROBLEMS as catalog } from '../../services/catalog/src/problems.ts';
import { PROBLEMS as coupon } from '../../services/coupon/src/problems.ts';
import { PROBLEMS as order } from '../../services/order/src/problems.ts';
import { PROBLEMS as payment } from '../../services/payment/src/problems.ts';

/** The codes of each service's refusals, besides the common ones. */
export const OWN_PROBLEMS = { catalog, order, coupon, payment, ops } satisfies Record<string, ProblemTable>;

/** Every code of the public API, in the order of statuses. A code in several tables has the same meaning in all. */
export const ALL_PROBLEMS: ProblemTable = Object.fromEntries(
  [COMMON_PROBLEMS, ...Object.values(OWN_PROBLEMS)]
    .flatMap((table: ProblemTable) => Object.entries(table))
    .sort(([a, one], [b, other]) => one.status - other.status || (a < b ? -1 : 1)),
);
