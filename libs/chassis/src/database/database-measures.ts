import type { Pool } from 'mariadb';
import type { Metrics } from '../process/index.ts';
import type { FairGate } from './fair-gate.ts';

/** Why the server ended a transaction that stood in another's way. */
export type Kind = 'deadlock' | 'lock_timeout';

interface Measured {
  readonly pool: Pick<Pool, 'activeConnections' | 'idleConnections' | 'taskQueueSize'>;
  readonly gate: Pick<FairGate, 'waiting'>;
  /** Most connections. */
  readonly poolSize: number;
}

/** Shows the pool's connections and who waits for one. All are read when the measures are. */
export function measurePool(metrics: Metrics, { pool, gate, poolSize }: Measured): void {
  metrics.gauge('database_connections', 'Connections of the pool: in_use, idle, or unopened', ['state'], (gauge) => {
    const inUse = pool.activeConnections();
    const idle = pool.idleConnections();
    gauge.set({ state: 'in_use' }, inUse);
    gauge.set({ state: 'idle' }, idle);
    gauge.set({ state: 'unopened' }, Math.max(0, poolSize - inUse - idle));
  });
  metrics.gauge('database_connection_waiters', 'Callers that wait for a connection', [], (gauge) =>
    gauge.set(gate.waiting + pool.taskQueueSize()),
  );
}

/** Counts the transactions that the server ended for others, and whether they were tried again. */
export function countConflicts(metrics: Metrics | undefined): (kind: Kind, retries: boolean) => void {
  const conflicts = metrics?.counter(
    'database_transaction_conflicts_total',
    'Transactions ended by a deadlock or a lock time-out: tried again at once, or given up',
    ['kind', 'outcome'],
  );
  for (const kind of ['deadlock', 'lock_timeout'])
    for (const outcome of ['retried', 'given_up']) conflicts?.inc({ kind, outcome }, 0);
  return (kind, retries) => conflicts?.inc({ kind, outcome: retries ? 'retried' : 'given_up' });
}
