/**
 * The load generator: a process of its own, so that what it costs is seen apart. It is told what to do by its parent,
 * sends on a fixed schedule whatever the answers do (an open loop), and measures each answer from the moment its
 * request was due, so that a stall of the system is not hidden by a stall of the sender.
 */
import { build as buildHistogram } from 'hdr-histogram-js';
import { type Dispatcher, Pool } from 'undici';
import { createLatency, type Latency } from './latency.ts';
import { orderBody, type Profile, seeded } from './profiles.ts';

/** What the parent sends. */
export interface LoadPlan {
  readonly gateway: string;
  readonly profile: Profile;
  /** Orders a second. */
  readonly rate: number;
  /** Sent at the same rate before the window, and not counted. */
  readonly warmupSeconds: number;
  readonly seconds: number;
  readonly users: number;
  readonly products: readonly number[];
  /** Orders a second that wait for the end of their saga (`Prefer: wait`). */
  readonly waitsPerSecond: number;
  /** Starts every idempotency key; no other load may have used it. */
  readonly run: string;
}

export type GeneratorMessage =
  | { readonly kind: 'window'; readonly edge: 'start' | 'end'; readonly at: number }
  | { readonly kind: 'result'; readonly result: LoadResult };

export interface LoadResult {
  /** Requests that were due in the window. */
  readonly offered: number;
  /** 202s, and 201s of those that waited. */
  readonly accepted: number;
  /** What the others were: `503 SERVICE_UNAVAILABLE`, `timeout`, `ECONNRESET` … */
  readonly failures: Readonly<Record<string, number>>;
  /** From when it was due to the answer's end, of those that do not wait. */
  readonly answer: Latency;
  /** The same of those that wait, whose answer is the end of the saga. */
  readonly waited: Latency;
  /** The longest a request was sent after it was due, ms: what the generator itself, or the machine, was late. */
  readonly latestSendMs: number;
  /** Times of the window, ms since the epoch. */
  readonly from: number;
  readonly to: number;
}

const TIMEOUT_MS = 15_000;
const WAIT_SECONDS = 10;

async function generate(plan: LoadPlan, tell: (message: GeneratorMessage) => void): Promise<LoadResult> {
  const options = { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS, pipelining: 1 };
  const pool = new Pool(plan.gateway, { ...options, connections: 256 });
  const waitPool = new Pool(plan.gateway, { ...options, connections: 64 });
  const answer = createLatency(buildHistogram);
  const waited = createLatency(buildHistogram);
  const failures = new Map<string, number>();
  const random = seeded([...plan.profile.name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7));
  const interval = 1_000 / plan.rate;
  const warmup = Math.round(plan.warmupSeconds * plan.rate);
  const total = warmup + Math.round(plan.seconds * plan.rate);
  const waitEvery =
    plan.waitsPerSecond > 0 ? Math.max(1, Math.round(plan.rate / plan.waitsPerSecond)) : Number.POSITIVE_INFINITY;
  let accepted = 0;
  let latestSendMs = 0;
  let open = 0;
  let allAnswered: () => void = () => undefined;

  function send(index: number, due: number): void {
    const counted = index >= warmup;
    const waits = index % waitEvery === waitEvery - 1;
    if (counted) latestSendMs = Math.max(latestSendMs, performance.now() - due);
    const body = JSON.stringify(orderBody(plan.profile, plan.users, plan.products, random));
    const request: Dispatcher.DispatchOptions = {
      method: 'POST',
      path: '/orders',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': `bench-${plan.run}-${index}`,
        ...(waits && { prefer: `wait=${WAIT_SECONDS}` }),
      },
      body,
    };
    open++;
    const finish = (failure: string | undefined): void => {
      open--;
      if (counted) {
        if (failure === undefined) accepted++;
        else failures.set(failure, (failures.get(failure) ?? 0) + 1);
        // A failure took its time too: leaving it out would make an overload look quick.
        (waits ? waited : answer).record(performance.now() - due);
      }
      if (open === 0) allAnswered();
    };
    (waits ? waitPool : pool).dispatch(request, answerHandler(finish));
  }

  const started = performance.now() + 200;
  const epoch = Date.now() - performance.now();
  const dueAt = (index: number) => started + index * interval;
  const from = epoch + dueAt(warmup);
  const to = epoch + dueAt(total);
  setTimeout(() => tell({ kind: 'window', edge: 'start', at: from }), dueAt(warmup) - performance.now());
  setTimeout(() => tell({ kind: 'window', edge: 'end', at: to }), dueAt(total) - performance.now());

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
  await Promise.all([pool.close(), waitPool.close()]);
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

/** Reads the status, and the problem's code when it is none of the good ones. */
function answerHandler(finish: (failure: string | undefined) => void): Dispatcher.DispatchHandler {
  let status = 0;
  let text = '';
  return {
    onRequestStart() {},
    onResponseStart(_, statusCode) {
      status = statusCode;
    },
    onResponseData(_, chunk) {
      if (status > 299) text += chunk.toString('utf8');
    },
    onResponseEnd() {
      finish(status === 202 || status === 201 ? undefined : `${status} ${problemCode(text)}`.trim());
    },
    onResponseError(_, error) {
      const { code } = error as NodeJS.ErrnoException;
      finish(
        code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT' ? 'timeout' : (code ?? error.message),
      );
    },
  };
}

function problemCode(text: string): string {
  try {
    return String((JSON.parse(text) as { code?: unknown }).code ?? '');
  } catch {
    return '';
  }
}

if (process.send) {
  // The parent is gone: nobody wants the result.
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
