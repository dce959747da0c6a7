import { isDeadlock, isLockTimeout } from '@shop/chassis';
import { build } from 'hdr-histogram-js';
import { createLatency, type Latency } from '../latency.ts';

export interface CallersRun {
  readonly callers: number;
  /** Calls that succeeded, a second. */
  readonly perSecond: number;
  readonly calls: number;
  readonly latency: Latency;
  /** Calls that failed, by the error's name. */
  readonly failures: Readonly<Record<string, number>>;
}

/** A closed load: so many callers, each of which calls again as soon as it has its answer, for so long. */
export async function runCallers(
  callers: number,
  seconds: number,
  call: (caller: number) => Promise<unknown>,
): Promise<CallersRun> {
  const latency = createLatency(build);
  const failures: Record<string, number> = {};
  let calls = 0;
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  const turns = async (caller: number): Promise<void> => {
    while (performance.now() < end) {
      const from = performance.now();
      try {
        await call(caller);
        latency.record(performance.now() - from);
        calls++;
      } catch (error) {
        const name = nameOf(error);
        failures[name] = (failures[name] ?? 0) + 1;
      }
      // What answers from memory would otherwise never let the others have their turn.
      await new Promise((done) => setImmediate(done));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => turns(caller)));
  const wallSeconds = (performance.now() - begin) / 1_000;
  return { callers, perSecond: calls / wallSeconds, calls, latency: latency.summary(), failures };
}

/** For the report: what kept a call from succeeding. */
function nameOf(error: unknown): string {
  if (isDeadlock(error)) return 'deadlock, after five more tries';
  if (isLockTimeout(error)) return 'lock time-out';
  return error instanceof Error ? error.name : String(error);
}

/** How long each of some repetitions takes, one after the other. */
export async function timeEach(times: number, work: (turn: number) => Promise<unknown>): Promise<Latency> {
  const latency = createLatency(build);
  for (let turn = 0; turn < times; turn++) {
    const from = performance.now();
    await work(turn);
    latency.record(performance.now() - from);
  }
  return latency.summary();
}
