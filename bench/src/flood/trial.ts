import type { SqlReader } from '../../../ops/src/sql.ts';
import { othersShare, type Watched } from '../processes.ts';
import { readSagas, type SagaResult } from '../sagas.ts';
import { DISTURBED_SHARE, DRAIN_LIMIT_MS, whyNotHeld } from '../search.ts';
import { MAX_CONNECTIONS, type MeasuredStep, PATIENCE_MS, type Share } from './plan.ts';
import type { RampTrial } from './ramp.ts';
import type { FloodGenerator } from './run.ts';

/** A stack under load, started by any process. */
export interface Loaded {
  readonly gateway: string;
  readonly processes: () => readonly Watched[];
  readonly sql: SqlReader;
  readonly generator: FloodGenerator;
  /** Waits until the stack is idle. */
  idle(timeoutMs: number): Promise<void>;
}

export interface Trial extends RampTrial {
  readonly step: MeasuredStep;
  /** The orders of the mix, if it has any. */
  readonly sagas?: SagaResult;
}

/** Lead-in at the same rate before a window, not counted, s. */
const LEAD_SECONDS = 1;

let runs = 0;
/** A prefix for the keys of one run. */
export function newRun(): string {
  return `${Date.now().toString(36)}-${++runs}`;
}

/** Tries a mix at one rate. The rate holds with p95 below 200 ms, less than 1 % wrong answers, and no backlog. */
export async function tryRate(
  loaded: Loaded,
  mix: readonly Share[],
  rate: number,
  seconds: number,
  lead = LEAD_SECONDS,
): Promise<Trial> {
  const { gateway, processes, generator, sql } = loaded;
  const plan = {
    target: gateway,
    mix,
    steps: [
      { name: 'lead', rate, seconds: lead },
      { name: 'window', rate, seconds },
    ],
    connections: MAX_CONNECTIONS,
    patienceMs: PATIENCE_MS,
    windowMs: 1_000,
    run: newRun(),
  };
  const step = (await generator.run(plan, processes))[1];
  if (!step) throw new Error('the generator gave no window');
  const kinds = Object.values(step.kinds);
  const offered = kinds.reduce((sum, it) => sum + it.offered, 0);
  const notRight = kinds.reduce((sum, it) => sum + it.offered - it.right, 0);
  const disturbed = othersShare(step.cpu) > DISTURBED_SHARE;
  const answerP95Ms = Math.max(0, ...kinds.map(({ served }) => served.p95));
  if (!mix.some(({ traffic }) => traffic.kind === 'orders')) {
    const reason = whyNotHeld({ failureShare: notRight / Math.max(1, offered), answerP95Ms });
    return { rate, held: reason === undefined, reason, disturbed, step };
  }
  await loaded.idle(DRAIN_LIMIT_MS);
  const sagas = await readSagas(sql, step.from, step.to);
  const cancelled = Object.values(sagas.cancelled).reduce((sum, n) => sum + n, 0);
  const reason = whyNotHeld({
    failureShare: (notRight + cancelled) / Math.max(1, offered),
    answerP95Ms,
    drainMs: sagas.drainMs,
    confirmedShare: sagas.confirmedPerSecond / Math.max(1, (step.kinds.orders?.offered ?? 0) / step.seconds),
  });
  return { rate, held: reason === undefined, reason, disturbed, step, sagas };
}

export function inOneLine({ rate, held, reason, disturbed, step, sagas }: Trial): string {
  const p95 = Object.entries(step.kinds).map(([name, { served }]) => `${name} p95 ${served.p95.toFixed(0)} ms`);
  const confirmed = sagas ? `, ${sagas.confirmedPerSecond.toFixed(0)} confirmed/s` : '';
  return `${rate}/s: ${p95.join(', ')}${confirmed}: ${held ? 'held' : `not held, ${reason}${disturbed ? ' (others used the machine)' : ''}`}`;
}
