import type { Batcher, Client, Metrics, Runtime } from '@shop/chassis';
import { createBacklog } from '../domain/backlog.ts';
import { ADMISSION_REFUSALS, countBegun, createAdmission } from './admission.ts';
import { type BacklogRead, createBacklogWatch } from './backlog-watch.ts';
import type { Placed, PlaceRequest } from './place-order.ts';

/** Interval of reading the backlog, ms. */
const MEASURE_MS = 400;
/**
 * Interval while nothing is PENDING, ms: so late at most are orders noticed that another instance left PENDING. A small
 * share of any deadline.
 */
const REST_MS = 2_000;

interface Dependencies {
  readonly config: {
    readonly ORDER_DEADLINE_MS: number;
    readonly ADMISSION_SHARE: number;
    readonly ORDER_BACKLOG_TARGET_MS: number;
    readonly ORDER_BACKLOG_FLOOR: number;
  };
  readonly placements: Pick<Batcher<PlaceRequest, Placed>, 'submit'>;
  readonly readBacklog: () => Promise<BacklogRead>;
  /** Whether this process can publish and consume events yet. */
  readonly isReady: () => boolean;
  /** Starts a periodic job. */
  readonly repeat: Runtime['repeat'];
  /** Called before each reading of the backlog. */
  readonly measureWaiting: () => void;
  /** The clock of the orders' times, ms since the epoch. */
  readonly nowMs: () => number;
  /** A clock that is never set back, ms. */
  readonly monotonicMs: () => number;
  readonly metrics: Metrics;
}

/** Accepts orders as long as the saga keeps up with them: a job reads the backlog, and admission decides by it. */
export function createTakeOrders(dependencies: Dependencies) {
  const { config, placements, readBacklog, isReady, repeat, measureWaiting, nowMs, monotonicMs, metrics } =
    dependencies;
  const backlog = createBacklog({ targetMs: config.ORDER_BACKLOG_TARGET_MS, floor: config.ORDER_BACKLOG_FLOOR });
  const refusals = metrics.counter('order_admission_refused_total', 'Orders that were not taken, by reason', [
    'reason',
  ]);
  // Series that are there from the beginning show their first refusals as an increase.
  for (const reason of ADMISSION_REFUSALS) refusals.inc({ reason }, 0);
  let hasLooked = false;
  const admission = createAdmission({
    // Before the first look nothing is known of the saga, and a restart must not forget that it stands still.
    ready: () => isReady() && hasLooked,
    deadlineMs: config.ORDER_DEADLINE_MS,
    share: config.ADMISSION_SHARE,
    nowMs,
    monotonicMs,
    backlog,
    refused: (reason) => refusals.inc({ reason }),
  });
  const watch = createBacklogWatch({ admission, backlog, read: readBacklog, everyMs: MEASURE_MS, metrics, nowMs });
  const measuring = repeat({
    name: 'measure-backlog',
    everyMs: MEASURE_MS,
    restMs: REST_MS,
    async run() {
      measureWaiting();
      const found = await watch.look();
      hasLooked = true;
      return found;
    },
  });
  measuring.trigger();

  return {
    admission,
    /** Age of the oldest PENDING order, ms; 0 without one. */
    oldestMs: watch.oldestMs,
    /** Places an admitted order. The first one after a rest triggers a reading of the backlog at once. */
    placeOrder(request: PlaceRequest, client: Client): Promise<Placed> {
      if (watch.isResting()) measuring.trigger();
      return countBegun(admission, placements.submit(request, client));
    },
  };
}
