import type { Metrics } from '@shop/chassis';

/** Allows second tries as a share of recent requests. */
export interface RetryBudget {
  /** Reports a request that might be tried a second time. */
  earn(): void;
  /** @returns whether a second try is allowed; it is then spent */
  spend(): boolean;
}

/** Second tries for each request: one for ten. */
const SHARE = 0.1;
/** Most saved tries, also available at the start: enough for the current requests of one dying instance. */
const MOST = 50;

/** Without a budget, second tries would double the load just when a service can least bear it. */
export function createRetryBudget(): RetryBudget {
  let tries = MOST;
  return {
    earn() {
      tries = Math.min(MOST, tries + SHARE);
    },
    spend() {
      if (tries < 1) return false;
      tries--;
      return true;
    },
  };
}

/** Counts second tries, by service. */
export function createRetryCount(metrics: Metrics): (upstream: string) => void {
  const retries = metrics.counter('gateway_retries_total', 'Reads sent a second time', ['upstream']);
  return (upstream) => retries.inc({ upstream });
}
