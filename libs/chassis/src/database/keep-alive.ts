import type { Pool } from 'mariadb';

/**
 * Pings each idle connection of the pool once every `everyMs`, so that neither side ends it for its silence. The pool
 * hands out the connection that was idle for longest, so as many turns as there are idle connections reach them all. It
 * gives up a connection that does not answer.
 * @returns stops it
 */
export function keepAlive(pool: Pool, everyMs: number): () => void {
  let atWork = false;

  async function touchAll(): Promise<void> {
    for (let turns = pool.idleConnections(); turns > 0; turns--) {
      const connection = await pool.getConnection();
      try {
        await connection.ping();
      } finally {
        await connection.release();
      }
    }
  }

  const timer = setInterval(() => {
    if (atWork) return;
    atWork = true;
    touchAll()
      // The database is away: the statements report it, and the pool connects again by itself.
      .catch(() => undefined)
      .finally(() => {
        atWork = false;
      });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}
