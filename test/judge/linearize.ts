/**
 * One operation as its client saw it. Its effect came at one moment between `called` and `returned`: any one clock,
 * any unit, as long as all operations of a history use it.
 */
export interface Operation {
  readonly called: number;
  /** Infinity: the client never learned the outcome. The effect may have come at any time since, or never. */
  readonly returned: number;
}

/** What one correct object does. Each step names all states that may follow; none means that it cannot happen here. */
export interface Model<State, Op> {
  readonly initial: State;
  step(state: State, operation: Op): readonly State[];
  /** Equal for equal states. */
  keyOf(state: State): string;
}

export type Verdict<Op> =
  | { readonly kind: 'POSSIBLE' }
  /** No order of the operations explains the answers. `explained` is the longest part that some order explains. */
  | { readonly kind: 'IMPOSSIBLE'; readonly explained: readonly Op[]; readonly open: readonly Op[] }
  /** The search was given up after `maxSteps`. */
  | { readonly kind: 'UNDECIDED'; readonly steps: number };

const MAX_STEPS = 2_000_000;

/**
 * Decides whether one object that does one operation after the other could have given all these answers: whether the
 * history is linearizable. The search is that of Wing and Gong (1993) with the memory of Lowe (2017): a set of
 * operations done that led to the same states before is not tried again. Operations without an outcome need not be
 * placed.
 */
export function linearize<State, Op extends Operation>(
  model: Model<State, Op>,
  operations: readonly Op[],
  maxSteps: number = MAX_STEPS,
): Verdict<Op> {
  const search = new Search(model, operations);
  for (let steps = 0; steps < maxSteps; steps++) {
    if (search.isDone()) return { kind: 'POSSIBLE' };
    if (!search.advance()) return { kind: 'IMPOSSIBLE', ...search.farthest() };
  }
  return { kind: 'UNDECIDED', steps: maxSteps };
}

interface Choice<State> {
  readonly index: number;
  /** The states before the choice. */
  readonly states: readonly State[];
}

class Search<State, Op extends Operation> {
  readonly #model: Model<State, Op>;
  /** In the order of their calls. */
  readonly #operations: readonly Op[];
  readonly #done: Uint8Array;
  readonly #tried = new Set<string>();
  readonly #path: Choice<State>[] = [];
  #states: readonly State[];
  /** The next operation to try at the present depth. */
  #next = 0;
  #openOutcomes: number;
  #longest: readonly number[] = [];

  constructor(model: Model<State, Op>, operations: readonly Op[]) {
    this.#model = model;
    this.#operations = operations.toSorted((a, b) => a.called - b.called);
    this.#done = new Uint8Array(operations.length);
    this.#states = [model.initial];
    this.#openOutcomes = operations.filter((it) => it.returned !== Infinity).length;
  }

  isDone(): boolean {
    return this.#openOutcomes === 0;
  }

  /** Places one more operation, or takes the last one back. False: every order was tried. */
  advance(): boolean {
    const deadline = this.#earliestReturn();
    for (let index = this.#next; index < this.#operations.length; index++) {
      const operation = this.#operations[index];
      // What was called after another's return cannot come before it.
      if (!operation || operation.called > deadline) break;
      if (!this.#done[index] && this.#place(index, operation)) return true;
    }
    return this.#takeBack();
  }

  farthest(): { explained: readonly Op[]; open: readonly Op[] } {
    const explained = new Set(this.#longest);
    const at = (index: number) => this.#operations[index] as Op;
    return {
      explained: this.#longest.map(at),
      open: this.#operations.filter((it, index) => !explained.has(index) && it.returned !== Infinity),
    };
  }

  #place(index: number, operation: Op): boolean {
    const states = this.#following(operation);
    if (states.length === 0) return false;
    this.#done[index] = 1;
    const seen = `${this.#done.join('')}:${states.map((state) => this.#model.keyOf(state)).join('|')}`;
    if (this.#tried.has(seen)) {
      this.#done[index] = 0;
      return false;
    }
    this.#tried.add(seen);
    this.#path.push({ index, states: this.#states });
    this.#states = states;
    this.#next = 0;
    if (operation.returned !== Infinity) this.#openOutcomes--;
    if (this.#path.length > this.#longest.length) this.#longest = this.#path.map((it) => it.index);
    return true;
  }

  #takeBack(): boolean {
    const last = this.#path.pop();
    if (!last) return false;
    this.#done[last.index] = 0;
    this.#states = last.states;
    this.#next = last.index + 1;
    if (this.#operations[last.index]?.returned !== Infinity) this.#openOutcomes++;
    return true;
  }

  /** Every state that may follow, each once, in a fixed order. */
  #following(operation: Op): readonly State[] {
    const found = new Map<string, State>();
    for (const state of this.#states) {
      for (const next of this.#model.step(state, operation)) found.set(this.#model.keyOf(next), next);
    }
    return [...found.keys()].sort().map((key) => found.get(key) as State);
  }

  #earliestReturn(): number {
    let earliest = Infinity;
    for (const [index, { returned }] of this.#operations.entries()) {
      if (!this.#done[index] && returned < earliest) earliest = returned;
    }
    return earliest;
  }
}
