import { isDeadlock, isLockTimeout } from '@shop/chassis';
import { build } from 'hdr-histogram-js';
import { createLatency, type Latency } from '../latency.ts';

export interface CallersRun {
  readonly callers: number;
  /** Successful calls a second. */
  readonly perSecond: number;
  readonly calls: number;
  readonly latency: Latency;
  /** Failed calls, by the error's name. */
  readonly failures: Readonly<Record<string, number>>;
}

/** A closed load: callers that call again as soon as they have their answer, for some seconds. */
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
      // An answer from memory would otherwise never yield to the other callers.
      await new Promise((done) => setImmediate(done));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => turns(caller)));
  const wallSeconds = (performance.now() - begin) / 1_000;
  return { callers, perSecond: calls / wallSeconds, calls, latency: latency.summary(), failures };
}

/** The reason of a failed call, for the report. */
function nameOf(error: unknown): string {
  if (isDeadlock(error)) return 'deadlock, after five more tries';
  if (isLockTimeout(error)) return 'lock time-out';
  return error instanceof Error ? error.name : String(error);
}

/** The times of repetitions, one after the other. */
export async function timeEach(times: number, work: (turn: number) => Promise<unknown>): Promise<Latency> {
  const latency = createLatency(build);
  for (let turn = 0; turn < times; turn++) {
    const from = performance.now();
    await work(turn);
    latency.record(performance.now() - from);
  }
  return latency.summary();
}
