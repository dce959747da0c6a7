/**
 * The load generator: a separate process, so that its cost is measured apart. Its parent sends it a plan. It sends on a
 * fixed schedule regardless of the answers (an open loop), and measures each answer from the moment its request was
 * due, so that a stall of the sender does not hide a stall of the system.
 *
 * It is light because undici's `dispatch` creates no promises and no streams, and right answers are not parsed: about
 * 0.2 of a core at 4,000 requests a second, if the machine has that core free.
 */
import { readFileSync } from 'node:fs';
import { build as buildHistogram } from 'hdr-histogram-js';
import { Pool } from 'undici';
import { signedCalls } from '../../ops/src/signed-call.ts';
import { answerHandler } from './answers.ts';
import { createLatency } from './latency.ts';
import { type GeneratorMessage, type LoadPlan, type LoadResult, requestCount } from './plan.ts';
import { requestsOf } from './traffic.ts';

const TIMEOUT_MS = 15_000;
const CONNECTIONS = 256;
const WAITING_CONNECTIONS = 64;

async function generate(plan: LoadPlan, tell: (message: GeneratorMessage) => void): Promise<LoadResult> {
  const options = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, pipelining: 1 };
  const pools = plan.targets.map((target) => ({
    answer: new Pool(target, { ...options, connections: Math.ceil(CONNECTIONS / plan.targets.length) }),
    waited: new Pool(target, { ...options, connections: Math.ceil(WAITING_CONNECTIONS / plan.targets.length) }),
  }));
  const answer = createLatency(buildHistogram);
  const waited = createLatency(buildHistogram);
  const failures = new Map<string, number>();
  const requestAt = requestsOf(plan.traffic, plan.rate, plan.run);
  const signed = plan.internalKeys ? signedCalls(plan.internalKeys) : () => undefined;
  const tokens = plan.tokens ? readFileSync(plan.tokens, 'utf8').split('\n') : undefined;
  const interval = 1_000 / plan.rate;
  const { warmup, total } = requestCount(plan);
  let accepted = 0;
  let latestSendMs = 0;
  let open = 0;
  let allAnswered: () => void = () => undefined;

  function send(index: number, due: number): void {
    const counted = index >= warmup;
    if (counted) latestSendMs = Math.max(latestSendMs, performance.now() - due);
    const { method, path, headers: own, userId, body = null, ...expected } = requestAt(index);
    const headers = { ...own, ...signed(method, path), ...bearer(userId) };
    open++;
    const finish = (failure: string | undefined): void => {
      open--;
      if (counted) {
        if (failure === undefined) accepted++;
        else failures.set(failure, (failures.get(failure) ?? 0) + 1);
        // A failed request's time counts too: leaving it out would make an overload look quick.
        (expected.waits ? waited : answer).record(performance.now() - due);
      }
      if (open === 0) allAnswered();
    };
    const pool = pools[index % pools.length]?.[expected.waits ? 'waited' : 'answer'];
    pool?.dispatch({ method, path, headers, body }, answerHandler(expected, finish));
  }

  const bearer = (userId: number | undefined) =>
    tokens && userId !== undefined ? { authorization: `Bearer ${tokens[userId]}` } : undefined;

  const started = performance.now() + 200;
  const epoch = Date.now() - performance.now();
  const dueAt = (index: number) => started + index * interval;
  const from = epoch + dueAt(warmup);
  const to = epoch + dueAt(total);
  setTimeout(() => tell({ kind: 'window', edge: 'start', at: from }), dueAt(warmup) - performance.now());
  const windowEnded = new Promise<void>((done) => {
    setTimeout(() => {
      tell({ kind: 'window', edge: 'end', at: to });
      done();
    }, dueAt(total) - performance.now());
  });

  await new Promise<void>((done) => {
    let next = 0;
    const tick = (): void => {
      const now = performance.now();
      while (next < total && dueAt(next) <= now) {
        send(next, dueAt(next));
        next++;
      }
      if (next < total) setTimeout(tick, 1);
      else done();
    };
    tick();
  });
  if (open > 0)
    await new Promise<void>((done) => {
      allAnswered = done;
    });
  // The last request is due before the window's end, and may be answered before it.
  await windowEnded;
  await Promise.all(pools.flatMap((pool) => [pool.answer.close(), pool.waited.close()]));
  return {
    offered: total - warmup,
    accepted,
    failures: Object.fromEntries(failures),
    answer: answer.summary(),
    waited: waited.summary(),
    latestSendMs,
    from,
    to,
  };
}

if (process.send) {
  // The parent has ended, so the result is not needed.
  process.once('disconnect', () => process.exit(1));
  const tell = (message: GeneratorMessage) => process.send?.(message);
  process.once('message', (plan: LoadPlan) => {
    generate(plan, tell).then(
      (result) => {
        tell({ kind: 'result', result });
        process.removeAllListeners('disconnect').disconnect();
      },
      (error: unknown) => {
        process.stderr.write(`the generator failed: ${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(1);
      },
    );
  });
}
