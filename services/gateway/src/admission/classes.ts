import type { RequestClass } from '@shop/chassis/api';

export type { RequestClass };

export interface ClassRules {
  /**
   * Target of the average answer time, as a share of LIMIT_TARGET_MS. The class with the least share gives way first.
   */
  readonly targetShare: number;
  /** Requests are refused when the event loop is later than this share of SHED_ABOVE_MS. */
  readonly lateShare: number;
}

export const CLASSES: Readonly<Record<RequestClass, ClassRules>> = {
  finish: { targetShare: 2, lateShare: 1 },
  begin: { targetShare: 1, lateShare: 0.4 },
  browse: { targetShare: 0.67, lateShare: 0.2 },
};
