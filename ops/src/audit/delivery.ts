import { setTimeout as sleep } from 'node:timers/promises';
import { deriveEventId, type EventType } from '@shop/events';
import type { PlatformReader } from '../data-platform.ts';
import { pages, type SqlReader } from '../sql.ts';
import type { AuditScope, Finding, Suspect } from './check.ts';
import { finding } from './findings.ts';
import { appliedAmong, DATA_PLATFORM } from './groups.ts';
import { type LogRange, type LogReader, lagIn, partitionName } from './log.ts';

/** The events the platform had before the rows were read. */
interface Kept {
  readonly ids: ReadonlySet<string>;
  readonly twice: readonly string[];
  readonly next: number;
}

/** Differences between rows and platform, at the rows' snapshot. */
interface DeliveryComparison {
  readonly checked: number;
  /** Events that the rows imply and the platform lacked. Events still in the outbox are only counted. */
  readonly missing: readonly Suspect[];
  readonly inOutbox: number;
  /** The part of `missing` that the group's inbox records as delivered. */
  readonly applied: ReadonlySet<string>;
  readonly extra: readonly Suspect[];
}

/**
 * Invariant 11. On a live system events are always on their way to the platform. A missing event is therefore wrong
 * only in two cases: the group has passed the end that the log had after the snapshot, or the group's inbox says that
 * it is delivered (the call comes before the commit). Surplus events are determined before the rows are read, since
 * their orders must have existed by then. All others are under way.
 */
export interface DeliveryAudit {
  /** Compares with the rows' snapshot. */
  compare(reader: SqlReader, scope: AuditScope): Promise<void>;
  /**
   * Called after `compare`.
   * @param ends where the topics ended after the snapshot
   */
  findings(evidence: {
    sql: SqlReader;
    log: LogReader;
    ends: readonly LogRange[];
    graceMs: number;
  }): Promise<Finding[]>;
  readonly notes: readonly string[];
  /** Names of the checks that cannot be made. */
  readonly notMade: readonly string[];
}

const DELIVERED = {
  invariant: 11,
  name: 'ended-orders-are-delivered',
  title: 'the data platform has the end of every order',
};
const AN_END = {
  invariant: 11,
  name: 'delivered-is-an-end',
  title: 'the data platform has nothing twice, and nothing that no order has',
};

/** Reads the platform's events; to be called before the rows are read. */
export async function beginDeliveryAudit(platform: PlatformReader | undefined): Promise<DeliveryAudit> {
  const unchecked = (reason: string): DeliveryAudit => ({
    compare: () => Promise.resolve(),
    findings: () => Promise.resolve([]),
    notes: [`deliveries to the data platform were not checked: ${reason}`],
    notMade: [DELIVERED.name, AN_END.name],
  });
  if (!platform) return unchecked('its address is not known');
  try {
    const { ids, next } = await platform.ids(0);
    const seen = new Set<string>();
    const twice = ids.filter((id) => seen.size === seen.add(id).size);
    return deliveryAudit(platform, { ids: seen, twice, next });
  } catch (error) {
    return unchecked(`it cannot be asked (${error instanceof Error ? error.message : error})`);
  }
}

function deliveryAudit(platform: PlatformReader, kept: Kept): DeliveryAudit {
  let compared: DeliveryComparison | undefined;
  return {
    notes: [],
    notMade: [],
    async compare(reader, scope) {
      compared = await compareDeliveries(reader, kept, scope);
    },
    async findings({ sql, log, ends, graceMs }) {
      if (!compared) throw new Error('the rows were not compared yet');
      const { checked, applied, extra, inOutbox } = compared;
      let look = await lookAgain(platform, kept.next, { sql, log, ends }, compared.missing);
      if (look.missing.length > 0 && !look.passed && graceMs > 0) {
        await sleep(graceMs);
        look = await lookAgain(platform, kept.next, { sql, log, ends }, compared.missing);
      }
      const { missing, passed, setAside } = look;
      const wrong = missing.filter(({ id }) => passed || applied.has(id) || setAside.has(id));
      return [
        finding(DELIVERED, { checked, suspects: wrong, underway: inOutbox + missing.length - wrong.length }, setAside),
        finding(AN_END, { checked: kept.ids.size, suspects: extra }, new Set()),
      ];
    },
  };
}

async function compareDeliveries(reader: SqlReader, kept: Kept, scope: AuditScope): Promise<DeliveryComparison> {
  const outbox = new Set((await reader.query<{ id: string }>('SELECT id FROM shop_order.outbox')).map((row) => row.id));
  const unexplained = new Set(kept.ids);
  const missing: Suspect[] = [];
  let checked = 0;
  let inOutbox = 0;
  const expect = (orderId: string, type: EventType) => {
    const id = deriveEventId(orderId, type);
    checked += 1;
    if (unexplained.delete(id)) return;
    if (outbox.has(id)) inOutbox += 1;
    else missing.push({ id, waitsFor: [id], detail: `${type} of order ${orderId} is not at the data platform` });
  };
  const rows = pages<{ orderId: string; status: string; completed: number }>(reader, scope.firstOrderId, {
    sql: `SELECT order_id AS orderId, status, completed_at IS NOT NULL AS completed FROM shop_order.orders
          WHERE order_id > ? ORDER BY order_id LIMIT ?`,
    params: (after, limit) => [after, limit],
    key: (row) => row.orderId,
  });
  for await (const page of rows) {
    for (const { orderId, status, completed } of page) {
      if (completed === 1 || status === 'COMPLETED') expect(orderId, 'order-completed');
      if (status === 'CANCELLED') expect(orderId, 'order-cancelled');
    }
  }
  // An event's id begins with its order's time, like the order's id.
  const first = scope.firstOrderId.slice(0, 13);
  const extra = [
    ...kept.twice.map((id) => ({ id, detail: 'is at the data platform twice' })),
    ...[...unexplained]
      .filter((id) => id.slice(0, 13) >= first)
      .map((id) => ({ id, detail: 'is at the data platform, but no order has come to such an end' })),
  ];
  const applied = await appliedAmong(
    reader,
    DATA_PLATFORM,
    missing.map(({ id }) => id),
  );
  return { checked, missing, inOutbox, applied, extra };
}

/**
 * Reads offsets, dead letters and platform, in this order. Events below the offsets were delivered or set aside before
 * the offsets were committed, and letters redriven after the dead letters were read are at the platform by now.
 */
async function lookAgain(
  platform: PlatformReader,
  from: number,
  { sql, log, ends }: { sql: SqlReader; log: LogReader; ends: readonly LogRange[] },
  missing: readonly Suspect[],
) {
  if (missing.length === 0) return { missing, passed: true, setAside: new Set<string>() };
  const own = ends.filter((range) => range.topic === 'order-events');
  const committed = await log.committed(DATA_PLATFORM, ['order-events']);
  const setAside = await readSetAside(sql);
  const since = new Set((await platform.ids(from)).ids);
  return {
    missing: missing.filter(({ id }) => !since.has(id)),
    passed: own.every((range) => lagIn(range, committed.get(partitionName(range))) === 0),
    setAside,
  };
}

/** Ids of events that the group has set aside or an operator has discarded. */
async function readSetAside(sql: SqlReader): Promise<Set<string>> {
  const rows = await sql.query<{ eventId: string | null; orderId: string | null }>(
    `SELECT event_id AS eventId, message_key AS orderId FROM shop_order.dead_letter
      WHERE consumer_group = ? AND status <> 'REDRIVEN'`,
    [DATA_PLATFORM],
  );
  // Of an unreadable message only the key is known.
  const unread = rows.flatMap(({ eventId, orderId }) => (eventId === null && orderId !== null ? [orderId] : []));
  return new Set([
    ...rows.flatMap(({ eventId }) => eventId ?? []),
    ...unread.flatMap((orderId) => [
      deriveEventId(orderId, 'order-completed'),
      deriveEventId(orderId, 'order-cancelled'),
    ]),
  ]);
}
