import type { ProblemTable } from '@shop/chassis';

/** The codes of the catalog's refusals, besides the common ones. */
export const PROBLEMS = {
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
} as const satisfies ProblemTable;

export type CatalogProblem = keyof typeof PROBLEMS;
