import type { Database, DedicatedConnection } from '@shop/chassis';
import { markLive } from './live-mark.ts';

/** The right to relay a schema's outbox. One process holds it; the others keep asking. */
export interface RelayLock {
  /** True while this process holds the lock; takes it if it is free. Rejects when the database is away. */
  hold(): Promise<boolean>;
  /** Releases the lock, so that another process takes over at once. */
  release(): Promise<void>;
}

/** The server ends a silent connection, and with it the lock, after this long. */
const WAIT_TIMEOUT_SECONDS = 10;
/** How long a successful check of the connection is trusted, ms. Far below the server's limit. */
const PROOF_MS = 2_000;

/**
 * A named lock of the server, on its own connection: the lock ends with the connection, so a dead process holds
 * nothing. Should two processes believe for a moment that they hold it, each sends an ordered run, and the late copies
 * are duplicates.
 * @param marksLive whether its session marks this process as live from the first question on, also while it stands by
 */
export function createSqlRelayLock(
  database: Database,
  {
    name = `relay:${database.schema}`,
    marksLive = false,
  }: { readonly name?: string; readonly marksLive?: boolean } = {},
): RelayLock {
  let connection: DedicatedConnection | undefined;
  let marked = false;
  let held = false;
  let provenAt = 0;
  let asking: Promise<boolean> | undefined;

  async function drop(): Promise<void> {
    const old = connection;
    connection = undefined;
    held = false;
    marked = false;
    await old?.end().catch(() => {});
  }

  async function ask(): Promise<boolean> {
    if (held && performance.now() - provenAt < PROOF_MS) return true;
    try {
      connection ??= await database.dedicatedConnection({ waitTimeoutSeconds: WAIT_TIMEOUT_SECONDS });
      if (marksLive && !marked) await markLive(connection);
      marked = true;
      if (held) await connection.ping();
      else {
        const [row] = await connection.query<{ got: number | null }>('SELECT GET_LOCK(?, 0) AS got', [name]);
        held = row?.got === 1;
      }
      provenAt = performance.now();
      return held;
    } catch (error) {
      await drop();
      throw error;
    }
  }

  return {
    hold() {
      // One question at a time: a second would open a session of its own, or end that which the first has opened.
      asking ??= ask().finally(() => {
        asking = undefined;
      });
      return asking;
    },
    async release() {
      await asking?.catch(() => {});
      await drop();
    },
  };
}
