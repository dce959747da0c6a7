import type { SqlConnection } from '../../ops/src/sql.ts';
import { type ServiceName, schemaOf } from '../../services/services.ts';
import { type Backup, backUp, restore } from './backup.ts';
import { eventually, LOOK_AT_LOCKS } from './eventually.ts';
import { connectRoot } from './stack.ts';
import type { System } from './system.ts';

export async function rowsOf<Row>(system: Pick<System, 'stack'>, query: string): Promise<Row[]> {
  const sql = await connectRoot(system.stack);
  try {
    return [...(await sql.query<Row>(query))];
  } finally {
    await sql.close();
  }
}

/** Runs a statement that gives no rows. */
export async function execute(system: Pick<System, 'stack'>, statement: string): Promise<void> {
  const sql = await connectRoot(system.stack);
  try {
    await sql.execute(statement);
  } finally {
    await sql.close();
  }
}

/** Every row of these services' schemas. */
export async function tablesOf(system: Pick<System, 'stack'>, services: readonly ServiceName[]) {
  return (await Promise.all(services.map((service) => backUp(system.stack, schemaOf(service))))).map((it) => it.tables);
}

/** Environment of a start that recovers. @param batch events a transaction */
export function recovering(from: Date, batch: number): Record<string, string> {
  return { RECOVERY: 'on', RECOVERY_FROM: from.toISOString(), RECOVERY_BATCH: String(batch) };
}

/**
 * A time from which a recovered schema is recovered once more: with the same one, an instance takes what was just done
 * for its own.
 */
export const earlier = (from: Date): Date => new Date(from.getTime() - 1);

/** Stops the service and restores its old rows. */
export async function restoreOld(system: System, service: ServiceName, backup: Backup): Promise<void> {
  await system.process(service).stop();
  // Unsent events would be lost with the disk; these drills concern only sent ones.
  const unsent = await rowsOf(system, `SELECT id FROM ${schemaOf(service)}.outbox`);
  if (unsent.length > 0) throw new Error(`${unsent.length} events of ${service} were not sent`);
  await restore(system.stack, backup);
}

interface Recovery {
  readonly status: string;
  readonly facts: number;
  readonly applied: number;
  readonly ms: number | null;
}

/** The recoveries of a service's schema, oldest first. */
export function recoveriesOf(system: Pick<System, 'stack'>, service: ServiceName): Promise<Recovery[]> {
  return rowsOf(
    system,
    `SELECT status, facts, applied, TIMESTAMPDIFF(MICROSECOND, started_at, finished_at) / 1000 AS ms
       FROM ${schemaOf(service)}.replay WHERE kind = 'RECOVERY' ORDER BY id`,
  );
}

/** Sessions of a schema that wait for a lock: being in the step does not tell that it has come to what is locked. */
function waitingIn(schema: string): string {
  return `SELECT 1 FROM information_schema.innodb_trx AS trx
            JOIN information_schema.processlist AS session ON session.id = trx.trx_mysql_thread_id
           WHERE trx.trx_state = 'LOCK WAIT' AND session.db = '${schema}'`;
}

interface KillOptions {
  readonly service: ServiceName;
  readonly env: Readonly<Record<string, string>>;
  /** `own events` or `open events`. */
  readonly step: string;
  /** Locks what the recovery needs in that step, after it has done something of it. */
  readonly lock: (sql: SqlConnection) => Promise<unknown>;
}

/** Starts a recovery, which waits at what `lock` holds, and kills it there. */
export async function killWhileLocked(system: System, { service, env, step, lock }: KillOptions): Promise<void> {
  const schema = schemaOf(service);
  const sql = await connectRoot(system.stack);
  try {
    const [last] = await sql.query<{ id: number | null }>(`SELECT MAX(id) AS id FROM ${schema}.replay`);
    await sql.execute('START TRANSACTION');
    await lock(sql);
    const starting = system.start(service, 1, env).catch(() => undefined);
    await eventually(
      `a recovery that waits in its ${step}`,
      async () => {
        const [row] = await rowsOf<{ id: number; facts: number; progress: string }>(
          system,
          `SELECT id, facts, progress FROM ${schema}.replay WHERE status = 'RUNNING'`,
        );
        const isThere = row && row.id > (last?.id ?? 0) && row.facts > 0 && row.progress.includes(step);
        return isThere && (await rowsOf(system, waitingIn(schema))).length > 0;
      },
      // A recovery reads its topics first, which takes a busy machine long.
      { ...LOOK_AT_LOCKS, withinMs: 60_000 },
    );
    await system.process(service).kill9();
    await starting;
    await sql.execute('ROLLBACK');
  } finally {
    await sql.close();
  }
}
