import type { Database, DedicatedConnection, SqlValue } from '@shop/chassis';
import { observe } from './memory-side.ts';
import type { Act } from './script.ts';
import { Session } from './session.ts';
import type { Side } from './side.ts';

/** The parts of a service on MySQL. */
export interface SqlBench<Ports> {
  ports(database: Database): Ports;
  contents(): Promise<unknown>;
}

/** Longest time in which a statement either answers or waits for a lock, ms. */
const PATIENCE_MS = 30_000;
/** No script takes as long: a lock is waited for until its holder ends, s. */
const LOCK_WAIT_SECONDS = 100;

/** One session's way to the server. */
interface Line {
  /** Statements that are at the server. */
  sent: number;
  /** Statements that wait for their turn: another session is on. */
  readonly held: (() => void)[];
}

/**
 * The server. Statements go to it for one session at a time: where an end lets several sessions go on, they finish the
 * statement that waited, and then go on one after the other.
 *
 * @param observer a connection that asks who waits
 */
export function openServer<Ports>(
  bench: SqlBench<Ports>,
  { database, observer, sessions }: { database: Database; observer: DedicatedConnection; sessions: number },
): Side<Ports> {
  let turn = 0;
  const lines = Array.from({ length: sessions }, (): Line => ({ sent: 0, held: [] }));
  const clients = lines.map((line, number) => {
    const own = onLine(database, line, () => turn === number);
    return new Session(number, own, bench.ports(own));
  });

  /** Resolves when every session has answered, waits for a lock or waits for its turn. */
  async function quiet(): Promise<void> {
    const end = Date.now() + PATIENCE_MS;
    for (let last = ''; ; ) {
      const asked = clients.filter(({ busy, number }) => busy && !isHeld(lines[number]));
      if (asked.length === 0) return;
      const waits = await observer.query<Wait>(WAITS);
      // Nobody else is at the server, and a transaction waits for one lock at a time.
      const all = new Set(waits.map(({ waiting }) => waiting)).size === asked.length;
      // The server ends a circle by itself. Two equal looks: none of them began to move meanwhile.
      const seen = all && !hasCircle(waits) ? JSON.stringify(waits) : '';
      if (seen !== '' && seen === last) return;
      last = seen;
      if (Date.now() > end) throw new Error(`neither an answer nor a wait: ${JSON.stringify(waits)}`);
    }
  }

  return {
    async give(act: Act<Ports>) {
      turn = act.session;
      clients[act.session]?.give(act);
      for (;;) {
        await quiet();
        const next = clients.find(({ number }) => isHeld(lines[number]));
        if (!next) return observe(clients);
        turn = next.number;
        for (const go of lines[turn]?.held.splice(0) ?? []) go();
      }
    },
    waits: (session) => clients[session]?.busy === true,
    isOpen: (session) => clients[session]?.open === true,
    contents: () => bench.contents(),
  };
}

const isHeld = (line: Line | undefined): boolean => line !== undefined && line.sent === 0 && line.held.length > 0;

/** A wish for a lock: the transactions on both ends. */
interface Wait {
  readonly waiting: number;
  readonly holding: number;
}

// Threads are not asked for: they are those that made the locks, at times in another's name. Whoever changes the length
// of a row moves the wishes for its lock.
const WAITS = `SELECT DISTINCT REQUESTING_ENGINE_TRANSACTION_ID AS waiting, BLOCKING_ENGINE_TRANSACTION_ID AS holding
  FROM performance_schema.data_lock_waits ORDER BY 1, 2`;

function hasCircle(waits: readonly Wait[]): boolean {
  const reaches = (from: number, to: number, seen: Set<number>): boolean =>
    waits.some(({ waiting, holding }) => {
      if (waiting !== from || seen.has(holding)) return false;
      return holding === to || reaches(holding, to, seen.add(holding));
    });
  return waits.some(({ waiting }) => reaches(waiting, waiting, new Set()));
}

/** The database as one session uses it: single statements too are transactions. */
function onLine(database: Database, line: Line, hasTurn: () => boolean): Database {
  async function send<T>(statement: () => Promise<T>): Promise<T> {
    if (!hasTurn()) await new Promise<void>((go) => line.held.push(go));
    line.sent++;
    try {
      return await statement();
    } finally {
      line.sent--;
    }
  }
  const transaction: Database['transaction'] = (work) =>
    database.transaction(async (tx) => {
      await tx.execute(`SET SESSION innodb_lock_wait_timeout = ${LOCK_WAIT_SECONDS}`);
      return await work({
        query: (sql, params) => send(() => tx.query(sql, params)),
        execute: (sql, params) => send(() => tx.execute(sql, params)),
        onCommit: (hook) => tx.onCommit(hook),
      });
    });
  const params = (given?: readonly SqlValue[]) => given ?? [];
  return {
    ...database,
    transaction,
    query: (sql, given) => transaction((tx) => tx.query(sql, params(given))),
    execute: (sql, given) => transaction((tx) => tx.execute(sql, params(given))),
  };
}
