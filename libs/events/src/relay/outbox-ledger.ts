import type { NumberedRow } from '../store/index.ts';

/**
 * Longer than any transaction lives, ms: the database client ends one after 30 s. If its process is frozen then, the
 * server ends it after a last wait for a row (5 s) and 10 s of silence. A number still unseen then is lost.
 */
const QUIET_MS = 60_000;
/** Most rows kept in memory; beyond it the table is read instead. */
const MAX_ROWS = 5_000;
/** Most numbers remembered behind a gap. */
const MAX_DONE = 100_000;

/**
 * Committed outbox rows that the relay may send without reading the table.
 *
 * Events of one key must be sent in the order of their commits, which is the order of their numbers (`seq`). So a row
 * may be sent from memory only if every lower number is accounted for: sent, or also in this ledger. A gap is a
 * transaction that has not committed yet, another process's row, or a number lost with a rollback. While there is a
 * gap, `take` gives nothing and the relay reads the table, which shows all committed rows. A gap is passed over once
 * the table was sent to its end after longer than any transaction lives: nothing can fill it any more. The time alone
 * would not do: while the broker is away, or behind a long table, committed rows wait unread.
 *
 * Rows that the relay holds back because the broker refuses them are left to the table, and count as accounted for:
 * what may overtake them is not of their key. When they are no longer held, the ledger is reset.
 */
export interface OutboxLedger {
  /** Rows whose transaction this process has committed. */
  add(rows: readonly NumberedRow[], now: number): void;
  /** The next rows, in order, that may be sent from memory; undefined when the table must be read. */
  take(limit: number): NumberedRow[] | undefined;
  /** Notes that these rows were sent, from memory or from the table, or are left to the table since they are held. */
  sent(rows: readonly { readonly seq: number }[], now: number): void;
  /** Notes that all rows that the table had at `readAt` were sent, or are held. */
  sentAll(readAt: number): void;
  /** Forgets everything, for example when another process may have relayed meanwhile. */
  reset(): void;
}

// One function: five short steps change the same five numbers and sets, which nothing else may see.
export function createOutboxLedger(quietMs = QUIET_MS): OutboxLedger {
  const rows = new Map<number, NumberedRow>();
  /** Sent numbers above `next`. */
  const done = new Set<number>();
  /** The lowest number not accounted for; undefined until a first number was seen. */
  let next: number | undefined;
  /** Since when a higher number than `next` is known, which makes `next` a gap, ms; undefined without a gap. */
  let gapSince: number | undefined;
  /** Since when `next` is known, ms: a number lower than the first seen may still commit for a while. */
  let begunAt = 0;
  /** Whether every number below the first seen is accounted for. */
  let isOpen = false;

  function reset(): void {
    rows.clear();
    done.clear();
    next = undefined;
    gapSince = undefined;
    isOpen = false;
  }

  function begin(seq: number, now: number): void {
    next = seq;
    begunAt = now;
  }

  /** Moves `next` over the sent numbers, and notes whether it is a gap now. */
  function advance(now: number): void {
    if (next === undefined) return;
    const before = next;
    while (done.delete(next)) next += 1;
    if (next !== before) gapSince = undefined;
    const isGap = !rows.has(next) && rows.size + done.size > 0;
    gapSince = isGap ? (gapSince ?? now) : undefined;
  }

  /** Passes over a gap that no transaction can fill any more. */
  function passGap(readAt: number): void {
    if (gapSince === undefined || readAt - gapSince < quietMs) return;
    let lowest = Number.POSITIVE_INFINITY;
    for (const seq of [...rows.keys(), ...done]) if (seq < lowest) lowest = seq;
    next = lowest;
    gapSince = undefined;
    advance(readAt);
  }

  return {
    add(added, now) {
      for (const row of added) {
        if (next === undefined) begin(row.seq, now);
        // A row that is not kept here was read from the table and sent, or will be: its number is below the first one.
        if (next !== undefined && row.seq >= next && !done.has(row.seq)) rows.set(row.seq, row);
      }
      advance(now);
      if (rows.size > MAX_ROWS) reset();
    },
    take(limit) {
      if (next === undefined || rows.size === 0 || !isOpen) return undefined;
      const taken: NumberedRow[] = [];
      for (let seq = next; taken.length < limit; seq += 1) {
        const row = rows.get(seq);
        if (row) taken.push(row);
        else if (!done.has(seq)) break;
      }
      return taken.length > 0 ? taken : undefined;
    },
    sent(sentRows, now) {
      for (const { seq } of sentRows) {
        rows.delete(seq);
        if (next === undefined) begin(seq, now);
        if (next !== undefined && seq >= next) done.add(seq);
      }
      advance(now);
      if (done.size > MAX_DONE) reset();
    },
    sentAll(readAt) {
      if (next === undefined) return;
      if (readAt - begunAt >= quietMs) isOpen = true;
      passGap(readAt);
    },
    reset,
  };
}
