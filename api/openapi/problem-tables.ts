import { COMMON_PROBLEMS, type ProblemTable } from '@shop/chassis';
import { PROBLEMS as ops } from '../../ops-console/problems.ts';
import { PROBLEMS_OF } from './problem-tables.generated.ts';

/** The codes of each service's refusals, besides the common ones. */
export const OWN_PROBLEMS = { ...PROBLEMS_OF, ops } satisfies Record<string, ProblemTable>;

/** Every code of the public API, in the order of statuses. A code in several tables has the same meaning in all. */
export const ALL_PROBLEMS: ProblemTable = Object.fromEntries(
  [COMMON_PROBLEMS, ...Object.values(OWN_PROBLEMS)]
    .flatMap((table: ProblemTable) => Object.entries(table))
    .sort(([a, one], [b, other]) => one.status - other.status || (a < b ? -1 : 1)),
);
