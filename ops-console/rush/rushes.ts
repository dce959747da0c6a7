import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError, type Logger } from '@shop/chassis';
import { LRUCache } from 'lru-cache';
import { type Audits, MAX_KEPT } from '../audit/audits.ts';
import type { Verdict } from '../audit/verdict.ts';
import type { ConsoleProblem } from '../problems.ts';
import { burst } from './burst.ts';
import { buy } from './buyer.ts';
import type { GatewayClient } from './gateway.ts';
import { createPatientAsk, type PatientAsk } from './patience.ts';
import type { RushPlan, RushWish } from './prepare.ts';
import { type Counts, createTally, type Tally } from './tally.ts';

export interface RushState extends Counts {
  readonly rushId: string;
  readonly productId: number;
  readonly couponPolicyId: number;
  readonly quantity: number;
  readonly startedAt: string;
  readonly phase: 'BUYING' | 'AUDITING' | 'DONE' | 'FAILED';
  /** True when the rush will not change any more. */
  readonly done: boolean;
  /** The invariants since the rush began, audited once the shop was idle. */
  readonly audit?: Verdict;
  /** The reason why the rush or its audit did not finish. */
  readonly error?: string;
}

/** A rush with all its states, in order, so that a late reader gets the same picture. */
export interface Rush {
  readonly history: readonly RushState[];
  /** Calls back after every new state. @returns stops the calls */
  onChange(listener: () => void): () => void;
}

export interface Rushes {
  /** Prepares a rush and begins it. @throws RUSH_RUNNING while another is running; any obstacle to this one */
  start(wish: RushWish): Promise<RushState>;
  find(rushId: string): Rush | undefined;
  /** Aborts the running rush. */
  stop(): Promise<void>;
}

export interface RushDeps {
  readonly openClient: (connections: number) => GatewayClient;
  readonly prepare: (wish: RushWish, rushId: string, ask: PatientAsk) => Promise<RushPlan>;
  readonly audits: Pick<Audits, 'inTurn'>;
  readonly newId: () => string;
  readonly clock: () => number;
  readonly logger: Logger;
  readonly limits?: RushLimits;
}

export interface RushLimits {
  /** Most buyers active at once; the others wait their turn. */
  readonly buyersAtOnce: number;
  /** Time limit after which no buyer begins and active ones are aborted, ms. */
  readonly longestMs: number;
}

const LIMITS: RushLimits = { buyersAtOnce: 100, longestMs: 60_000 };
const TELL_EVERY_MS = 250;
/** Wait for an idle system, ms: an order ends within its deadline (30 s), and its events some moments later. */
const REST_MS = 60_000;

/** One rush at a time: two would count each other's buyers. */
export function createRushes(deps: RushDeps): Rushes {
  const { buyersAtOnce, longestMs } = deps.limits ?? LIMITS;
  const rushes = new LRUCache<string, Rush>({ max: MAX_KEPT });
  const stopping = new AbortController();
  let current: string | undefined;
  /** Preparation of the current rush; never rejects. */
  let preparing: Promise<void> = Promise.resolve();
  let running: Promise<void> = Promise.resolve();

  return {
    async start(wish) {
      // A rush in preparation may still fail, so a second request waits before it is referred to that rush.
      while (current && !rushes.get(current)) await preparing;
      if (stopping.signal.aborted) throw new DomainError('SERVICE_UNAVAILABLE', 'The console is stopping.');
      if (current) throw new DomainError<ConsoleProblem>('RUSH_RUNNING', 'One rush at a time.', { rushId: current });
      const rushId = deps.newId();
      current = rushId;
      const prepared = Promise.withResolvers<void>();
      preparing = prepared.promise;
      const client = deps.openClient(buyersAtOnce);
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(longestMs)]);
      // Every active request listens to it.
      setMaxListeners(0, signal);
      const ask = createPatientAsk({ ask: client.ask, signal });
      const end = async () => {
        current = undefined;
        await client.close();
      };
      try {
        const plan = await deps.prepare(wish, rushId, ask);
        const told = createTold(plan, createTally(plan.buyers.length, deps.clock));
        rushes.set(rushId, told);
        running = runRush(plan, told, { ...deps, ask, signal, buyersAtOnce }).finally(end);
        return told.tell('BUYING');
      } catch (error) {
        await end();
        throw error;
      } finally {
        prepared.resolve();
      }
    },
    find: (rushId) => rushes.get(rushId),
    async stop() {
      stopping.abort();
      await running;
    },
  };
}

interface Told extends Rush {
  readonly tally: Tally;
  tell(phase: RushState['phase'], end?: Pick<RushState, 'audit' | 'error'>): RushState;
}

function createTold({ buyers: _, startedAt, ...plan }: RushPlan, tally: Tally): Told {
  const history: RushState[] = [];
  const listeners = new Set<() => void>();
  return {
    tally,
    history,
    tell(phase, end = {}) {
      const done = phase === 'DONE' || phase === 'FAILED';
      const state = { ...plan, startedAt: new Date(startedAt).toISOString(), ...tally.counts(), phase, done, ...end };
      history.push(state);
      for (const listener of listeners) listener();
      return state;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

interface RushRun {
  readonly ask: PatientAsk;
  readonly signal: AbortSignal;
  readonly buyersAtOnce: number;
}

async function runRush(
  plan: RushPlan,
  { tally, tell }: Told,
  { ask, signal, buyersAtOnce, clock, audits, logger }: RushDeps & RushRun,
): Promise<void> {
  const telling = setInterval(() => tell('BUYING'), TELL_EVERY_MS);
  const pause = (ms: number) => sleep(ms, undefined, { signal });
  try {
    await burst(plan.buyers, {
      atOnce: buyersAtOnce,
      signal,
      buy: (userId) => buy(plan, userId, { ask, tally, clock, pause }),
    });
    clearInterval(telling);
    tell('AUDITING');
    tell('DONE', { audit: await audits.inTurn({ since: new Date(plan.startedAt), restMs: REST_MS }) });
  } catch (error) {
    logger.error({ err: error, rushId: plan.rushId }, 'a rush did not come to its end');
    tell('FAILED', { error: error instanceof Error ? error.message : String(error) });
  } finally {
    clearInterval(telling);
  }
}
