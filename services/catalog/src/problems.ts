import type { ProblemTable } from '@shop/chassis';

/** The codes of the catalog's refusals, besides the common ones. */
export const PROBLEMS = {
  PRODUCT_NOT_FOUND: { status: 404, title: 'No such product' },
  NOT_ENOUGH_AVAILABLE: { status: 409, title: 'Fewer pieces are available' },
} as const satisfies ProblemTable;

export type CatalogProblem = keyof typeof PROBLEMS;
