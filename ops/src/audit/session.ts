import type { Addresses } from '../addresses.ts';
import { openPlatform } from '../data-platform.ts';
import { openLog } from '../kafka-log.ts';
import { openRedis } from '../redis.ts';
import { connectSql, type SqlConnection } from '../sql.ts';
import { type IdleOptions, waitUntilIdle } from './idle.ts';
import type { LogReader } from './log.ts';
import { type AuditOptions, type AuditReport, runAudit } from './run.ts';
import { readStanding } from './standing.ts';

/** Connections of an audit, for tests and benchmarks that audit more than once. */
export interface AuditSession {
  readonly sql: SqlConnection;
  readonly log: LogReader;
  audit(options?: Omit<AuditOptions, 'sql' | 'log' | 'platform'>): Promise<AuditReport>;
  waitUntilIdle(options?: Omit<IdleOptions, 'sql' | 'log' | 'platform'>): Promise<void>;
  close(): Promise<void>;
}

/** @example `const session = await openAudit(readAddresses(stack.env))` */
export async function openAudit(
  addresses: Pick<Addresses, 'auditDatabase' | 'brokers' | 'redis' | 'dataPlatform' | 'services'>,
  timeZone = process.env.SHOP_TIME_ZONE || 'Asia/Seoul',
): Promise<AuditSession> {
  const sql = await connectSql(addresses.auditDatabase);
  const log = await openLog(addresses.brokers).catch(async (error: unknown) => {
    await sql.close();
    throw error;
  });
  // If Redis is away, the audit says so in a note.
  const redis = await openRedis(addresses.redis).catch(() => undefined);
  const platform = openPlatform(addresses.dataPlatform);
  return {
    sql,
    log,
    audit: (options = {}) =>
      runAudit({
        ...{ sql, log, platform, timeZone, standing: () => readStanding(addresses) },
        ...(redis && { sets: redis, door: redis }),
        ...options,
      }),
    waitUntilIdle: (options = {}) => waitUntilIdle({ sql, log, platform, ...options }),
    close: async () => {
      redis?.close();
      await Promise.all([sql.close(), log.close()]);
    },
  };
}
