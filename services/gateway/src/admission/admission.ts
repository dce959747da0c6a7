import { type Metrics, preferredWait } from '@shop/chassis';
import type { Shedder } from '../protect/shedding.ts';
import type { Route } from '../routes.ts';
import { CLASSES, type ClassRules, type RequestClass } from './classes.ts';
import { createGate, type Gate, type Place, type Refusal } from './gate.ts';
import { createAdaptiveLimit } from './limit.ts';
import { createRetryAfter } from './retry-after.ts';
import { createWaitingLine } from './waiting-line.ts';

/** Interval of the turns that check queues and places, ms: a wait may last this much longer. */
const TURN_MS = 10;
/** Number of turns without work after which they stop, until the next request. */
const TURNS_IN_VAIN = 100;
/** Interval of updating the metrics, ms. */
const MEASURE_MS = 250;
/** The limit of a process that has measured nothing yet, and of an idle one. */
const INITIAL_LIMIT = 500;
const REASONS: readonly Refusal[] = ['full', 'waited', 'late'];

export interface AdmissionOptions {
  /** Off: every request is admitted. */
  readonly on: boolean;
  readonly minLimit: number;
  readonly maxLimit: number;
  /** Target of the average answer time of requests that begin something new, ms. */
  readonly targetMs: number;
  readonly shedder: Shedder;
  readonly metrics: Metrics;
  /** ms. */
  readonly now?: () => number;
  /** 0 ≤ n < 1. */
  readonly random?: () => number;
}

/** Decides at once, or within 100 ms, which requests are served. */
export interface Admission {
  /**
   * Called when only the request's head has been read.
   * @returns its place, undefined if it needs none, or the reason of its refusal
   */
  enter(route: Route, prefer: string | undefined): Place | Refusal | undefined;
  /** Counts a refusal: by `enter`, or of a place later. */
  countRefusal(route: Route, reason: Refusal): void;
  /** The wait told to a refused client, s. */
  retryAfter(): number;
  /** The state for the route's upstream and class. */
  stateOf(route: Route): Pick<Gate, 'limit' | 'inFlight' | 'queued'>;
  /** For tests, which use their own clocks. */
  turn(): void;
  stop(): void;
}

interface Entrance {
  readonly gate: Gate;
  readonly rules: ClassRules;
  readonly labels: { readonly upstream: string; readonly class: RequestClass };
  readonly refused: Record<Refusal, number>;
}

export function createAdmission(options: AdmissionOptions): Admission {
  const { on, shedder, metrics, now = () => performance.now(), random = Math.random } = options;
  const show = createMeasures(metrics);
  const retryAfter = createRetryAfter({ now, random });
  /** One entrance for each service and class. */
  const entrances = new Map<string, Entrance>();
  const byRoute = new Map<Route, Entrance>();

  function entranceOf(route: Route): Entrance {
    const known = byRoute.get(route);
    if (known) return known;
    const key = `${route.service} ${route.class}`;
    const entrance = entrances.get(key) ?? open(route);
    entrances.set(key, entrance);
    byRoute.set(route, entrance);
    return entrance;
  }

  function open({ service, class: of }: Route): Entrance {
    const rules = CLASSES[of];
    const targetMs = options.targetMs * rules.targetShare;
    const { minLimit: min, maxLimit: max } = options;
    const limit = createAdaptiveLimit({ min, max, initial: INITIAL_LIMIT, targetMs });
    const lateness = () => shedder.delayMs;
    const line = createWaitingLine<Place>();
    const gate = createGate({ limit, line, targetMs, now, lateness, served: retryAfter.countServed });
    return { gate, rules, labels: { upstream: service, class: of }, refused: { full: 0, waited: 0, late: 0 } };
  }

  const turns = createTurns(entrances);
  const measuring = setInterval(() => show(entrances.values()), MEASURE_MS).unref();

  return {
    enter(route, prefer) {
      const { gate, rules } = entranceOf(route);
      if (shedder.refuses(rules.lateShare)) return 'late';
      if (!on || route.stream) return undefined;
      turns.keep();
      return gate.enter(route.waits === true && (preferredWait(prefer) ?? 0) > 0);
    },
    countRefusal(route, reason) {
      entranceOf(route).refused[reason]++;
      retryAfter.countRefused();
    },
    retryAfter: () => retryAfter.seconds(),
    stateOf: (route) => entranceOf(route).gate,
    turn: turns.turn,
    stop() {
      turns.stop();
      clearInterval(measuring);
    },
  };
}

/** The timer that turns the gates. It rests while no request is under way. */
function createTurns(entrances: ReadonlyMap<string, Entrance>) {
  let timer: NodeJS.Timeout | undefined;
  let inVain = 0;

  function turn(): void {
    let isIdle = true;
    for (const { gate } of entrances.values()) {
      gate.turn();
      isIdle &&= gate.inFlight === 0 && gate.queued === 0;
    }
    inVain = isIdle ? inVain + 1 : 0;
    if (inVain < TURNS_IN_VAIN) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    turn,
    /** Called for each request: keeps the timer running. */
    keep(): void {
      inVain = 0;
      timer ??= setInterval(turn, TURN_MS).unref();
    },
    stop: () => clearInterval(timer),
  };
}

function createMeasures(metrics: Metrics): (entrances: Iterable<Entrance>) => void {
  const labels = ['upstream', 'class'] as const;
  const limit = metrics.gauge('gateway_limit', 'Most requests under way at a service, by class', labels);
  const inFlight = metrics.gauge('gateway_limited_in_flight', 'Requests that hold a place, by class', labels);
  const queued = metrics.gauge('gateway_queue_length', 'Requests that wait for a place, by class', labels);
  const refused = metrics.counter('gateway_refused_total', 'Requests refused before they were read, by reason', [
    ...labels,
    'reason',
  ]);
  return (entrances) => {
    for (const { gate, labels: of, refused: counts } of entrances) {
      limit.set(of, gate.limit);
      inFlight.set(of, gate.inFlight);
      queued.set(of, gate.queued);
      // Collected apart, since a labelled counter costs as much as the rest of a refusal.
      for (const reason of REASONS) {
        if (counts[reason] > 0) refused.inc({ ...of, reason }, counts[reason]);
        counts[reason] = 0;
      }
    }
  };
}
