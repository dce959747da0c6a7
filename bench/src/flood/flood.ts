import { createClients } from './clients.ts';
import { mixedRequests, requestText } from './mix.ts';
import type { FloodPlan, Step, StepResult } from './plan.ts';
import { createTally } from './tally.ts';

interface Running {
  readonly step: Step;
  /** Due time of its first request, by the schedule's clock. */
  readonly start: number;
  readonly total: number;
  readonly tallies: Map<string, ReturnType<typeof createTally>>;
  latestSendMs: number;
  mostWaiting: number;
  unsent: number;
}

/** Lead before the first request, ms. */
const LEAD_MS = 50;
/** How long requests are sent before answers are read, ms. */
const SENDING_MS = 4;

/**
 * Sends a plan's steps, one after the other.
 * @param onEdge called when a step begins, and when the last one has ended
 * @param now the clock of the schedule, ms; its zero is any moment
 */
export async function runFlood(
  plan: FloodPlan,
  onEdge: (step: number) => void,
  now: () => number = () => performance.now(),
): Promise<StepResult[]> {
  const { hostname, port } = new URL(plan.target);
  const host = `${hostname}:${port}`;
  const clients = createClients({ host: hostname, port: Number(port), most: plan.connections });
  const next = mixedRequests(plan.mix, plan.run);
  const epoch = Date.now() - now();
  const first = now() + LEAD_MS;
  let start = first;
  const steps = plan.steps.map((step): Running => {
    const running = {
      step,
      start,
      total: Math.round(step.rate * step.seconds),
      tallies: new Map(plan.mix.map(({ name }) => [name, createTally(plan.windowMs)])),
      latestSendMs: 0,
      mostWaiting: 0,
      unsent: 0,
    };
    start += step.seconds * 1_000;
    return running;
  });
  const end = start;
  let open = 0;
  let current = 0;

  function send(running: Running, due: number): void {
    const { share, request } = next();
    const tally = running.tallies.get(share);
    const sinceStart = due - running.start;
    running.latestSendMs = Math.max(running.latestSendMs, now() - due);
    tally?.offer(sinceStart);
    open++;
    clients.ask({
      text: requestText(request, host),
      patienceMs: plan.patienceMs,
      // The problem's code is in the body.
      keepsBody: (status) => !request.good.includes(status) && status !== 503 && status !== 429,
      done(outcome) {
        open--;
        const right = tally?.end(sinceStart, outcome, request.good, now() - due);
        if (right) steps[current]?.tallies.get(share)?.finish();
      },
    });
    running.mostWaiting = Math.max(running.mostWaiting, clients.waiting());
  }

  try {
    for (const [index, running] of steps.entries()) {
      await until(running.start, now);
      current = index;
      onEdge(index);
      running.unsent = await paced(running, send, now);
    }
    await until(end, now);
    current = steps.length;
    onEdge(steps.length);
    while (open > 0) await new Promise((done) => setTimeout(done, 10));
  } finally {
    clients.close();
  }
  return steps.map(({ step, start: begun, tallies, latestSendMs, mostWaiting, unsent }) => ({
    ...step,
    from: epoch + begun,
    to: epoch + begun + step.seconds * 1_000,
    kinds: Object.fromEntries([...tallies].map(([name, tally]) => [name, tally.result()])),
    latestSendMs,
    mostWaiting,
    unsent,
  }));
}

/**
 * Sends every request of a step when it is due. Late requests are sent at once, but in runs short enough that answers
 * are read in between. Requests not sent by the step's end are dropped.
 * @returns the number of dropped requests
 */
function paced(running: Running, send: (running: Running, due: number) => void, now: () => number): Promise<number> {
  const { start, step, total } = running;
  const interval = 1_000 / step.rate;
  const end = start + step.seconds * 1_000;
  let sent = 0;
  return new Promise((done) => {
    const tick = (): void => {
      const began = now();
      for (let due = start + sent * interval; sent < total && due <= began; ) {
        send(running, due);
        due = start + ++sent * interval;
        if (sent % 16 === 0 && now() - began > SENDING_MS) break;
      }
      if (sent === total || began >= end) done(total - sent);
      else if (start + sent * interval <= began) setImmediate(tick);
      else setTimeout(tick, 1);
    };
    tick();
  });
}

async function until(moment: number, now: () => number): Promise<void> {
  for (let left = moment - now(); left > 0; left = moment - now()) await new Promise((done) => setTimeout(done, left));
}
