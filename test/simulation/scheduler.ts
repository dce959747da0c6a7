import type { Random } from './random.ts';

/** One run of one process, from its start to its crash. Its pending waits never end after its death. */
export interface Actor {
  readonly name: string;
  readonly alive: boolean;
}

interface Step {
  readonly actor: Actor;
  readonly label: string;
  readonly go: () => void;
  /** A slow step: other steps come first until this many were taken. */
  readonly notBefore?: number;
}

interface Timer extends Step {
  readonly at: number;
}

/**
 * Runs everything simulated one step at a time, in an order drawn from the seed. A step is the code between two
 * suspension points of one actor. Every call of a port (a statement, a send, a commit, a pause) suspends before and
 * after its effect, so a crash can fall between any two of them. Time is virtual: it jumps to the next timer when no
 * step is left.
 */
export class Scheduler {
  now: number;
  stepsTaken = 0;
  readonly #random: Random;
  readonly #trace: ((line: string) => void) | undefined;
  /** An actor that hardly gets a turn for a while: a garbage collection, a busy neighbour, a slow disk. */
  #slow: { actor: string; until: number } = { actor: '', until: 0 };
  #ready: Step[] = [];
  #timers: Timer[] = [];

  constructor(random: Random, startAt: number, trace?: (line: string) => void) {
    this.#random = random;
    this.now = startAt;
    this.#trace = trace;
  }

  /** Suspends the caller until this step's turn; for ever if its actor dies before. */
  step(actor: Actor, label: string): Promise<void> {
    return new Promise((go) => {
      if (!actor.alive) return;
      const isLong = this.#random.chance(0.03);
      this.#ready.push(
        isLong ? { actor, label, go, notBefore: this.stepsTaken + this.#random.int(5, 60) } : { actor, label, go },
      );
    });
  }

  /** Suspends the caller for `ms` of virtual time. The signal ends the pause early (without an error). */
  sleep(actor: Actor, ms: number, label: string, signal?: AbortSignal): Promise<void> {
    return new Promise((go) => {
      if (!actor.alive) return;
      if (signal?.aborted) {
        this.#ready.push({ actor, label, go });
        return;
      }
      const timer: Timer = { actor, label, go, at: this.now + Math.max(0, ms) };
      this.#timers.push(timer);
      signal?.addEventListener('abort', () => {
        const index = this.#timers.indexOf(timer);
        if (index < 0) return;
        this.#timers.splice(index, 1);
        if (actor.alive) this.#ready.push(timer);
      });
    });
  }

  note(actor: Actor, text: string): void {
    this.#trace?.(`${this.#stamp()} ${actor.name.padEnd(12)} ${text}`);
  }

  /**
   * Takes steps until `done` returns true; it is called before each step.
   *
   * @throws when no step is left, or after `maxSteps`: something hangs or loops
   */
  async run(done: () => boolean, maxSteps: number): Promise<void> {
    const last = this.stepsTaken + maxSteps;
    await settle();
    while (!done()) {
      if (this.stepsTaken >= last) throw new Error(`not at rest after ${maxSteps} steps; waiting: ${this.#waiting()}`);
      const step = this.#next();
      if (!step) throw new Error('nothing is left to do, but the run is not at its end: something waits for ever');
      if (!step.actor.alive) continue;
      this.stepsTaken++;
      this.#trace?.(`${this.#stamp()} ${step.actor.name.padEnd(12)} ${step.label}`);
      step.go();
      await settle();
    }
  }

  #next(): Step | undefined {
    // Sometimes time passes although a step is ready: a slow process looks like this to the others.
    const early = this.#timers.length > 0 && this.#random.chance(0.02);
    if (this.#ready.length > 0 && !early) {
      const index = this.#pick();
      const step = this.#ready[index];
      const last = this.#ready.pop();
      if (last && index < this.#ready.length) this.#ready[index] = last;
      return step;
    }
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.at < first.at) first = timer;
    if (!first) return undefined;
    this.#timers.splice(this.#timers.indexOf(first), 1);
    this.now = Math.max(this.now, first.at);
    return first;
  }

  #pick(): number {
    const last = this.#ready.length - 1;
    let index = this.#random.int(0, last);
    if (this.#slow.until < this.stepsTaken && this.#random.chance(0.01)) {
      this.#slow = { actor: this.#ready[index]?.actor.name ?? '', until: this.stepsTaken + this.#random.int(20, 300) };
    }
    for (let tries = 0; tries < 5 && this.#isSlow(index); tries++) index = this.#random.int(0, last);
    return index;
  }

  #isSlow(index: number): boolean {
    if ((this.#ready[index]?.notBefore ?? 0) > this.stepsTaken) return true;
    return this.stepsTaken <= this.#slow.until && this.#ready[index]?.actor.name === this.#slow.actor;
  }

  #stamp(): string {
    return `${String(this.stepsTaken).padStart(6)} ${(this.now % 10_000_000).toFixed(0).padStart(8)} ms`;
  }

  #waiting(): string {
    const labels = [...this.#ready, ...this.#timers].map((step) => `${step.actor.name} ${step.label}`);
    return [...new Set(labels)].slice(0, 12).join('; ');
  }
}

/** Resolves when every due promise reaction has run: the next-tick queue comes after the microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
