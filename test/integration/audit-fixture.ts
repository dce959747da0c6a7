import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestDatabase, uniqueSchemaDatabase } from '@shop/chassis/testing';
import { deriveEventId, EVENTS, type EventType } from '@shop/events';
import type { DoorReader } from '../../ops/src/audit/door.ts';
import { type AuditReport, runAudit } from '../../ops/src/audit/index.ts';
import type { LogRange, LogReader, LogRecord } from '../../ops/src/audit/log.ts';
import type { SortedSets } from '../../ops/src/audit/sorted-sets.ts';
import type { PlatformReader } from '../../ops/src/data-platform.ts';
import { connectSql, type SqlConnection, type SqlReader } from '../../ops/src/sql.ts';
import { SERVICE_NAMES, type ServiceName } from '../../services/services.ts';

/** The schemas with the services' own tables, and a log in memory, to be audited. */
export interface Shop {
  /** Statements use the ordinary schema names: `shop_order.orders`. */
  sql(statement: string, params?: readonly (string | number | Date)[]): Promise<void>;
  /** Puts an event of an order on its topic, as a relay does. @returns its record */
  publish(orderId: string, type: EventType, change?: Partial<LogRecord>): LogRecord;
  /** The same for an event that came from a request. */
  publishRequest(type: EventType, key: string, id: string): LogRecord;
  readonly records: LogRecord[];
  /** Ids of the data platform's events; undefined when the platform cannot be asked. */
  delivered: string[] | undefined;
  /** The committed offset of each group and partition; absent: everything. */
  readonly committed: Map<string, number>;
  /** Topics with a second partition, whose records retention has all removed. */
  readonly emptied: Set<string>;
  audit(options?: {
    graceMs?: number;
    since?: Date;
    meanwhile?: () => Promise<void>;
    door?: DoorReader;
    sets?: SortedSets;
    timeZone?: string;
  }): Promise<AuditReport>;
  close(): Promise<void>;
}

export async function createShop(): Promise<Shop> {
  const databases = new Map<ServiceName, TestDatabase>();
  for (const service of SERVICE_NAMES) databases.set(service, await uniqueSchemaDatabase(migrations(service)));
  const rename = (statement: string) =>
    statement.replaceAll(
      /\bshop_(order|catalog|coupon|payment|ranking)\./g,
      (_, service: ServiceName) => `${databases.get(service)?.database.schema}.`,
    );
  const root = databases.get('order');
  if (!root) throw new Error('no schema');
  const connection = await connectSql(root.url);
  // The constraints forbid many of the faults that the audit looks for; a restored backup or manual changes would not.
  for (const [table, constraint] of CONSTRAINTS)
    await connection.execute(rename(`ALTER TABLE ${table} DROP CONSTRAINT ${constraint}`));

  const records: LogRecord[] = [];
  const committed = new Map<string, number>();
  const emptied = new Set<string>();
  const add = (topic: string, key: string, id: string, type: string, change: Partial<LogRecord> = {}): LogRecord => {
    const offset = endOf(records, topic);
    const record = { topic, partition: 0, offset, key, id, type, headers: {}, timestamp: Date.now(), ...change };
    records.push(record);
    return record;
  };
  const shop: Shop = {
    records,
    committed,
    emptied,
    delivered: [],
    sql: async (statement, params = []) => {
      await connection.execute(rename(statement), [...params]);
    },
    publish: (orderId, type, change) => add(EVENTS[type].topic, orderId, deriveEventId(orderId, type), type, change),
    publishRequest: (type, key, id) => add(EVENTS[type].topic, key, id, type),
    audit: async ({ graceMs = 0, since, meanwhile, ...redis } = {}) => {
      const renamed = renaming(connection, rename);
      const seen = meanwhile ? afterFirstSnapshot(renamed, meanwhile) : renamed;
      return await runAudit({
        sql: seen,
        log: memoryLog(shop),
        platform: memoryPlatform(shop),
        graceMs,
        ...redis,
        ...(since && { since }),
      });
    },
    close: async () => {
      await connection.close();
      for (const database of databases.values()) await database.drop();
    },
  };
  return shop;
}

function memoryPlatform(shop: Pick<Shop, 'delivered'>): PlatformReader {
  return {
    async ids(from) {
      if (!shop.delivered) throw new Error('nobody answers');
      return { ids: shop.delivered.slice(from), next: shop.delivered.length };
    },
    isThere: () => Promise.resolve(shop.delivered !== undefined),
  };
}

const CONSTRAINTS: readonly (readonly [string, string])[] = [
  ['shop_catalog.products', 'products_stock'],
  ['shop_catalog.products', 'products_balance'],
  ['shop_payment.accounts', 'accounts_balance'],
  ['shop_coupon.coupons', 'coupons_used_by_an_order'],
  ['shop_coupon.coupons', 'coupons_revoked'],
  ['shop_coupon.coupon_policies', 'coupon_policies_issued'],
  ['shop_coupon.redemptions', 'redemptions_status_known'],
  ['shop_coupon.redemptions', 'redemptions_amounts'],
  ['shop_order.orders', 'orders_status_known'],
  ['shop_order.orders', 'orders_paid_in_full'],
];

function migrations(service: ServiceName): string[] {
  const folder = join(import.meta.dirname, '../../services', service, 'prisma/migrations');
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort()
    .map((name) => readFileSync(join(folder, name, 'migration.sql'), 'utf8'));
}

function renaming(connection: SqlConnection, rename: (statement: string) => string): SqlConnection {
  const reader = (inner: SqlReader): SqlReader => ({
    query: (statement, params) => inner.query(rename(statement), params),
  });
  return {
    ...connection,
    ...reader(connection),
    snapshot: (work) => connection.snapshot((inner) => work(reader(inner))),
  };
}

/** Changes something between the first look and the second. */
function afterFirstSnapshot(connection: SqlConnection, meanwhile: () => Promise<void>): SqlConnection {
  let first = true;
  return {
    ...connection,
    snapshot: async (work) => {
      const result = await connection.snapshot(work);
      if (first) await meanwhile();
      first = false;
      return result;
    },
  };
}

/** The offset after the last record; earlier records may be missing. */
export function endOf(records: readonly LogRecord[], topic: string): number {
  return Math.max(0, ...records.filter((record) => record.topic === topic).map((record) => record.offset + 1));
}

function memoryLog({ records, committed, emptied }: Pick<Shop, 'records' | 'committed' | 'emptied'>): LogReader {
  const end = (topic: string) => endOf(records, topic);
  return {
    held: (topics) =>
      Promise.resolve(
        topics.flatMap((topic): LogRange[] => [
          { topic, partition: 0, from: 0, to: end(topic) },
          ...(emptied.has(topic) ? [{ topic, partition: 1, from: 100, to: 100, truncated: true }] : []),
        ]),
      ),
    keptMs: () => Promise.resolve(7 * 86_400_000),
    read: (ranges, each) => {
      for (const range of ranges) {
        for (const record of records) {
          if (record.topic === range.topic && record.offset >= range.from && record.offset < range.to) each(record);
        }
      }
      return Promise.resolve();
    },
    committed: (group, topics) =>
      Promise.resolve(new Map(topics.map((topic) => [`${topic}/0`, committed.get(`${group} ${topic}`) ?? end(topic)]))),
    close: () => Promise.resolve(),
  };
}
