import type { Database, DedicatedConnection, SqlExecutor } from '@shop/chassis';

/**
 * Marks a session as that of a live instance, by a named lock of its own that ends with it. The relay's lock cannot
 * tell who is live: one instance holds it, and those that stand by serve and consume all the same.
 */
export async function markLive(session: SqlExecutor): Promise<void> {
  await session.query("SELECT GET_LOCK(CONCAT('live:', CONNECTION_ID()), 0) AS got");
}

/** A session that does nothing but mark this process as live. The server ends it after ten seconds of silence. */
export async function openLiveMark(database: Database): Promise<DedicatedConnection> {
  const session = await database.dedicatedConnection();
  try {
    await markLive(session);
    return session;
  } catch (error) {
    await session.end();
    throw error;
  }
}

/** Whether a session of this schema is marked as live. Instances of releases before the mark have none. */
export async function someoneIsLive(database: SqlExecutor): Promise<boolean> {
  const sessions = await database.query<{ holder: number | null }>(
    `SELECT IS_USED_LOCK(CONCAT('live:', id)) AS holder FROM information_schema.processlist WHERE db = DATABASE()`,
  );
  return sessions.some(({ holder }) => holder !== null);
}
