import type { Logger } from 'pino';
import type { Metrics } from './metrics.ts';
import { runWithTrace } from './trace.ts';

export interface JobOptions {
  readonly name: string;
  /** Time between the end of one run and the start of the next, ms; each is varied by up to ±20 %. */
  readonly everyMs: number;
  /** The same after a run that resolved to `false`: there was nothing to do. Default: `everyMs`. */
  readonly restMs?: number;
  /** `signal` is aborted by `stop()`, for long runs. */
  readonly run: (signal: AbortSignal) => Promise<unknown>;
  readonly logger: Logger;
  readonly metrics?: Metrics;
}

export interface Job {
  /** Runs now, or right after the current run. */
  trigger(): void;
  /** Prevents further runs; resolves when the current one has ended. */
  stop(): Promise<void>;
}

/**
 * Repeats `run`, never two at a time in this process. An error is logged and counted, and the next run comes as usual.
 * Several instances run the same job, so its work must be safe for that. The jitter keeps them from moving in step.
 */
export function startJob({ name, everyMs, restMs = everyMs, run, logger, metrics }: JobOptions): Job {
  const measures = metrics && createJobMeasures(metrics, name, Math.max(everyMs, restMs) / 1_000);
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> | undefined;
  let again = false;

  /** @returns the wait before the next run, ms */
  async function once(): Promise<number> {
    const startedAt = performance.now();
    const took = () => (performance.now() - startedAt) / 1_000;
    try {
      const found = await runWithTrace(undefined, () => run(abort.signal));
      measures?.ran(true, took());
      return found === false ? restMs : everyMs;
    } catch (error) {
      measures?.ran(false, took());
      logger.error({ err: error, job: name }, 'job failed');
      return everyMs;
    }
  }

  function start(): void {
    clearTimeout(timer);
    again = false;
    current = once().then((waitMs) => {
      current = undefined;
      if (abort.signal.aborted) return;
      timer = setTimeout(start, again ? 0 : jitter(waitMs));
    });
  }

  timer = setTimeout(start, jitter(everyMs));
  return {
    trigger() {
      if (abort.signal.aborted) return;
      if (current) again = true;
      else start();
    },
    async stop() {
      abort.abort();
      clearTimeout(timer);
      await current;
    },
  };
}

export interface JobMeasures {
  /** One run is over. */
  ran(succeeded: boolean, seconds: number): void;
}

/** The measures of a periodic job. `job` is a label of the scraper's own, so the name of a job is its `name`. */
/** @param intervalSeconds the longest time between two runs; without it nobody expects the next one */
export function createJobMeasures(metrics: Metrics, name: string, intervalSeconds?: number): JobMeasures {
  const runs = metrics.counter('job_runs_total', 'Runs of a periodic job by result', ['name', 'result']);
  const duration = metrics.histogram('job_duration_seconds', 'Time of one run of a periodic job', ['name']);
  const last = metrics.gauge(
    'job_last_success_timestamp_seconds',
    'When a periodic job last ran without an error, or was started, seconds since the epoch',
    ['name'],
  );
  const interval = metrics.gauge('job_interval_seconds', 'Longest time between two runs of a periodic job', ['name']);
  if (intervalSeconds !== undefined) interval.set({ name }, intervalSeconds);
  // A counter that is there from the beginning shows its first failure as an increase.
  for (const result of ['ok', 'error']) runs.inc({ name, result }, 0);
  last.set({ name }, Date.now() / 1_000);
  return {
    ran(succeeded, seconds) {
      runs.inc({ name, result: succeeded ? 'ok' : 'error' });
      duration.observe({ name }, seconds);
      if (succeeded) last.set({ name }, Date.now() / 1_000);
    },
  };
}

const jitter = (ms: number): number => ms * (0.8 + Math.random() * 0.4);
