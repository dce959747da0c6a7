import {
  type DeadLetterEntry,
  FORMER_LOG,
  isChosen,
  isSameMessage,
  type LetterPlace,
  type MessagingStore,
  type NumberedRow,
} from '../store/index.ts';

/** A transaction in memory: its writes become visible when it commits, or never. */
export interface MemoryTx {
  onCommit(hook: () => void): void;
  /** Rows that a test's handler writes. */
  write(row: string): void;
}

interface State {
  outbox: NumberedRow[];
  claimed: Set<string>;
  letters: (DeadLetterEntry & { group: string })[];
  parked: Set<string>;
  rows: string[];
}

export interface MemoryStore extends MessagingStore<MemoryTx> {
  /** The committed state. */
  readonly state: Readonly<State>;
  /** How many transactions were begun. */
  readonly transactions: number;
  /** Runs before each commit; throws to make it fail. */
  beforeCommit: () => void;
  /** What an operator permits every partition to set aside. */
  permit: { readonly left: number } | undefined;
  /** Runs before the permit is used. */
  beforeUse: () => void;
}

/** A messaging store for tests: transactions run one after the other, a rollback undoes everything. */
// One function: each method is a few lines on the same state, as a table in memory.
export function createMemoryStore(): MemoryStore {
  let state: State = { outbox: [], claimed: new Set(), letters: [], parked: new Set(), rows: [] };
  let open: State | undefined;
  let last: Promise<unknown> = Promise.resolve();
  let nextSeq = 1;
  let transactions = 0;
  const draft = (): State => {
    if (!open) throw new Error('no transaction is open');
    return open;
  };

  async function transact<T>(work: (tx: MemoryTx) => Promise<T>): Promise<T> {
    transactions += 1;
    const hooks: (() => void)[] = [];
    open = {
      outbox: [...state.outbox],
      claimed: new Set(state.claimed),
      letters: [...state.letters],
      parked: new Set(state.parked),
      rows: [...state.rows],
    };
    try {
      const result = await work({
        onCommit: (hook) => void hooks.push(hook),
        write: (row) => void draft().rows.push(row),
      });
      store.beforeCommit();
      state = draft();
      for (const hook of hooks) hook();
      return result;
    } finally {
      open = undefined;
    }
  }

  const store: MemoryStore = {
    beforeCommit: () => {},
    permit: undefined,
    beforeUse: () => {},
    get state() {
      return state;
    },
    get transactions() {
      return transactions;
    },
    transaction(work) {
      const run = last.then(() => transact(work));
      last = run.catch(() => {});
      return run;
    },
    async appendOutbox(_tx, rows) {
      const numbered = rows.map((row) => ({ ...row, seq: nextSeq++ }));
      draft().outbox.push(...numbered);
      return numbered;
    },
    readOutbox: async (limit, choice = {}) => state.outbox.filter((row) => isChosen(choice, row)).slice(0, limit),
    async deleteOutbox(rows) {
      const gone = new Set(rows.map((row) => row.seq));
      state.outbox = state.outbox.filter((row) => !gone.has(row.seq));
    },
    async claim(_tx, group, eventIds) {
      const fresh = eventIds.filter((id) => !draft().claimed.has(`${group} ${id}`));
      for (const id of fresh) draft().claimed.add(`${group} ${id}`);
      return new Set(fresh);
    },
    applied: async (_tx, group, eventIds) => new Set(eventIds.filter((id) => draft().claimed.has(`${group} ${id}`))),
    hasApplied: async (group) => [...state.claimed].some((claim) => claim.startsWith(`${group} `)),
    lockParkedKeys: async (_tx, group, keys) => new Set(keys.filter((key) => draft().parked.has(`${group} ${key}`))),
    async writeDeadLetters(_tx, group, entries, _now, parks) {
      const fresh: DeadLetterEntry[] = [];
      for (const entry of entries) {
        const isHere = (letter: State['letters'][number]) => letter.group === group && samePosition(letter, entry);
        draft().letters = draft().letters.map((letter, index) =>
          isHere(letter) && !isSameMessage(letter, entry)
            ? { ...letter, record: { ...letter.record, partition: FORMER_LOG, offset: String(index + 1) } }
            : letter,
        );
        if (!draft().letters.some(isHere)) {
          draft().letters.push({ ...entry, group });
          fresh.push(entry);
        }
        const { key } = entry.record;
        if (parks && entry.status === 'DEAD' && key !== null) draft().parked.add(`${group} ${key}`);
      }
      return fresh;
    },
    lettered: async (_tx, group, entries) =>
      entries.filter((entry) =>
        draft().letters.some((it) => it.group === group && samePosition(it, entry) && isSameMessage(it, entry)),
      ),
    findPermit: async () => (store.permit && store.permit.left > 0 ? { id: 1, left: store.permit.left } : undefined),
    async usePermit(tx, _permit, letters) {
      store.beforeUse();
      const left = (store.permit?.left ?? 0) - letters;
      if (left >= 0) tx.onCommit(() => (store.permit = { left }));
      return left >= 0;
    },
  };
  return store;
}

function samePosition({ record: a }: LetterPlace, { record: b }: LetterPlace): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.offset === b.offset;
}
