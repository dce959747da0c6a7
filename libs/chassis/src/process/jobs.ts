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
  const runs = metrics?.counter('job_runs_total', 'Runs of a periodic job by result', ['job', 'result']);
  const seconds = metrics?.histogram('job_duration_seconds', 'Time of one run of a periodic job', ['job']);
  const abort = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> | undefined;
  let again = false;

  /** @returns the wait before the next run, ms */
  async function once(): Promise<number> {
    const stopTimer = seconds?.startTimer({ job: name });
    try {
      const found = await runWithTrace(undefined, () => run(abort.signal));
      runs?.inc({ job: name, result: 'ok' });
      return found === false ? restMs : everyMs;
    } catch (error) {
      runs?.inc({ job: name, result: 'error' });
      logger.error({ err: error, job: name }, 'job failed');
      return everyMs;
    } finally {
      stopTimer?.();
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

const jitter = (ms: number): number => ms * (0.8 + Math.random() * 0.4);
