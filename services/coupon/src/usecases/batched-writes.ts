import { createBatcher, type Metrics } from '@shop/chassis';
import type { createIssueCoupons } from './issue-coupons.ts';
import type { createRequestIssue } from './request-issue.ts';

/** Longest wait of a request for its transaction, ms. */
const WRITE_WITHIN_MS = 400;

interface Dependencies {
  readonly issueCoupons: ReturnType<typeof createIssueCoupons>;
  readonly requestIssue: ReturnType<typeof createRequestIssue>;
  readonly metrics: Metrics;
}

/** Concurrent requests are decided, or put on the log, in one transaction. */
export function createBatchedWrites({ issueCoupons, requestIssue, metrics }: Dependencies) {
  // First come, first served. The queues stay short: most requests are refused before they enter one.
  const common = { maxSize: 500, paceMs: 15, maxWaitMs: WRITE_WITHIN_MS, whenLate: 'oldest', metrics } as const;
  const issues = createBatcher({ ...common, name: 'issue-coupons', run: issueCoupons });
  const requests = createBatcher({ ...common, name: 'request-coupons', run: requestIssue });
  return {
    issues,
    requests,
    async stop(): Promise<void> {
      await Promise.all([issues.stop(), requests.stop()]);
    },
  };
}
