import type { Metrics } from '@shop/chassis';

/** Allows so many second tries as a share of the requests that came lately. */
export interface RetryBudget {
  /** A request that might be tried a second time has come. */
  earn(): void;
  /** @returns whether a second try may be made; it is then spent */
  spend(): boolean;
}

/** Second tries a request: one for ten. */
const SHARE = 0.1;
/** As many can be saved up, and are there at the start: enough for what one instance has at work when it dies. */
const MOST = 50;

/** Without a budget second tries would double the load just when a service can bear it least. */
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

/** Counts what is sent a second time, by service. */
export function createRetryCount(metrics: Metrics): (upstream: string) => void {
  const retries = metrics.counter('gateway_retries_total', 'Reads sent a second time', ['upstream']);
  return (upstream) => retries.inc({ upstream });
}
