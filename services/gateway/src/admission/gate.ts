import type { AdaptiveLimit } from './limit.ts';
import type { WaitingLine } from './waiting-line.ts';

/**
 * `full`: the line was as long as can be served in time. `waited`: no place came free in time. `late`: the event loop
 * of this process is late.
 */
export type Refusal = 'full' | 'waited' | 'late';

/** A request's place among those under way at a service. `leave` ends it, however the request ends. */
export interface Place {
  /** True while it stands in line; `whenDecided` reports the end of the wait. */
  readonly waiting: boolean;
  whenDecided(decided: (refusal?: Refusal) => void): void;
  /**
   * Called when the request goes to the service. False when the request took too long to arrive and its place was given
   * to another: it must enter again.
   */
  begin(): boolean;
  /** Called with the status when the head of the answer has arrived. */
  answered(status: number): void;
  /** Called when no answer came. */
  failed(): void;
  /** Called when the request is over, or its client has gone. */
  leave(): void;
}

export interface GateOptions {
  readonly limit: AdaptiveLimit;
  readonly line: WaitingLine<Place>;
  /**
   * Longest time that a request with `Prefer: wait` holds its place, ms. One that the service answers 503 holds its
   * place for as long.
   */
  readonly targetMs: number;
  /** ms. */
  readonly now: () => number;
  /** How late this process itself is, ms; not part of the service's time. */
  readonly lateness: () => number;
  /** Called for each request that gets a place. */
  readonly served: () => void;
}

/** Admits requests of one class to one service, as many at once as its limit allows. */
export interface Gate {
  readonly limit: number;
  readonly inFlight: number;
  readonly queued: number;
  /**
   * @param waits it asks for an outcome (`Prefer: wait`): its answer time is the client's choice and no sign of load
   */
  enter(waits: boolean): Place | 'full';
  /** Called often: takes places back, and refuses requests that have waited too long. */
  turn(): void;
}

/** Longest time for a request's body and token, ms; then its place goes to others. */
const ARRIVAL_MS = 50;
/** Number of requests that may always stand in line. */
const SHORTEST_LINE = 10;
/** Longest line in a burst, as a multiple of the limit: the time limit bounds their wait. */
const MAX_BURST = 10;
/** Longest standing line, as a share of the limit: as many places as one batch of the service frees. */
const STANDING_SHARE = 0.5;

/** The state of one gate, with the places it has given. */
interface Work extends GateOptions {
  inFlight: number;
  /** In the order of arrival. */
  readonly arriving: Set<GatePlace>;
  readonly held: { readonly place: GatePlace; readonly until: number }[];
}

export function createGate(options: GateOptions): Gate {
  const { limit, line, now } = options;
  const work: Work = { ...options, inFlight: 0, arriving: new Set(), held: [] };
  return {
    get limit() {
      return limit.current;
    },
    get inFlight() {
      return work.inFlight;
    },
    get queued() {
      return line.length;
    },
    enter(waits) {
      const at = now();
      if (line.length === 0 && work.inFlight < limit.current) {
        const place = new GatePlace(work, waits);
        place.take(at);
        return place;
      }
      if (line.length >= longestLine(options, at)) return 'full';
      const place = new GatePlace(work, waits);
      line.add(place, at);
      return place;
    },
    turn() {
      const at = now();
      limit.turn(at);
      takeBackLate(work, at);
      refuseExpired(work, at);
      serve(work);
    },
  };
}

/** A place and its states: waiting, arriving, at work, given back. A class, since every request creates one. */
class GatePlace implements Place {
  state: 'waiting' | 'arriving' | 'at work' | 'given back' = 'waiting';
  since = 0;
  #refused = false;
  readonly #work: Work;
  readonly #waits: boolean;
  #decided: ((refusal?: Refusal) => void) | undefined;

  constructor(work: Work, waits: boolean) {
    this.#work = work;
    this.#waits = waits;
  }

  get waiting(): boolean {
    return this.state === 'waiting';
  }

  whenDecided(decided: (refusal?: Refusal) => void): void {
    this.#decided = decided;
  }

  take(at: number): void {
    const { limit, arriving, served } = this.#work;
    this.state = 'arriving';
    this.since = at;
    this.#work.inFlight++;
    limit.used(this.#work.inFlight);
    arriving.add(this);
    served();
  }

  decide(refusal?: Refusal): void {
    if (refusal) this.state = 'given back';
    this.#decided?.(refusal);
  }

  begin(): boolean {
    if (this.state !== 'arriving') return false;
    const { arriving, limit, targetMs, now } = this.#work;
    arriving.delete(this);
    this.state = 'at work';
    this.since = now();
    if (this.#waits) hold(this.#work, this, Math.min(limit.averageMs ?? targetMs, targetMs));
    return true;
  }

  answered(status: number): void {
    if (this.state !== 'at work') return;
    const { limit, targetMs } = this.#work;
    const ms = this.#elapsed();
    if (status === 503) {
      // The service limits its own load. Its quick refusal must not admit the next request at once.
      this.#refused = true;
      limit.refused();
      hold(this.#work, this, targetMs);
      return;
    }
    if (!this.#waits) {
      if (status < 400) limit.worked(ms);
      else limit.answered(ms);
    }
    this.#giveBack();
  }

  failed(): void {
    if (this.state !== 'at work') return;
    if (!this.#waits) this.#work.limit.answered(this.#elapsed());
    this.#giveBack();
  }

  leave(): void {
    if (this.state === 'waiting') {
      this.#work.line.remove(this, this.#work.now());
      this.state = 'given back';
    } else if (this.state === 'at work') {
      if (!this.#refused) this.failed();
    } else if (this.state === 'arriving') this.#giveBack();
  }

  /** Takes the place back without an answer that says anything about the service. */
  takeBack(): void {
    if (this.state !== 'given back') this.#giveBack();
  }

  #elapsed(): number {
    return Math.max(0, this.#work.now() - this.since - this.#work.lateness());
  }

  #giveBack(): void {
    const { arriving, limit } = this.#work;
    arriving.delete(this);
    this.state = 'given back';
    this.#work.inFlight--;
    limit.returned();
    serve(this.#work);
  }
}

function hold({ held, now }: Work, place: GatePlace, ms: number): void {
  held.push({ place, until: now() + ms });
}

/** Takes back the places of requests that do not arrive in time, and of those held long enough. */
function takeBackLate({ arriving, held }: Work, at: number): void {
  for (const place of arriving) {
    if (at - place.since < ARRIVAL_MS) break;
    place.takeBack();
  }
  while (held[0] && held[0].until <= at) held.shift()?.place.takeBack();
}

function serve(work: Work): void {
  const { line, limit, now } = work;
  while (line.length > 0 && work.inFlight < limit.current) {
    const at = now();
    refuseExpired(work, at);
    const next = line.next(at) as GatePlace | undefined;
    if (!next) return;
    next.take(at);
    next.decide();
  }
}

function refuseExpired({ line }: Work, at: number): void {
  for (;;) {
    const place = line.expired(at) as GatePlace | undefined;
    if (!place) return;
    place.decide('waited');
  }
}

/** A standing line holds as many as can get a place in time; a burst may be longer. */
function longestLine({ line, limit }: GateOptions, at: number): number {
  const share = line.isStanding(at) ? STANDING_SHARE : MAX_BURST;
  return Math.max(SHORTEST_LINE, limit.current * share);
}
