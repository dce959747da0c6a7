import { setTimeout as sleep } from 'node:timers/promises';
import { deriveEventId, type EventType } from '@shop/events';
import type { PlatformReader } from '../data-platform.ts';
import { pages, type SqlReader } from '../sql.ts';
import type { AuditScope, Finding, Suspect } from './check.ts';
import { finding } from './findings.ts';
import { appliedAmong, DATA_PLATFORM } from './groups.ts';
import { type LogRange, type LogReader, partitionName } from './log.ts';

/** What the platform had before the rows were read. */
interface Kept {
  readonly ids: ReadonlySet<string>;
  readonly twice: readonly string[];
  readonly next: number;
}

/** What rows and platform say of each other, at the rows' snapshot. */
interface DeliveryComparison {
  readonly checked: number;
  /** Events that the rows imply and the platform did not have; of those that wait in the outbox only the number. */
  readonly missing: readonly Suspect[];
  readonly inOutbox: number;
  /** Of `missing`, those that the group says it has delivered. */
  readonly applied: ReadonlySet<string>;
  readonly extra: readonly Suspect[];
}

/**
 * Invariant 11. On a live system events are always on their way to the platform, so one that it lacks is wrong only
 * once the group has passed where the log ended after the rows were read, or if the group's inbox says that it is
 * delivered (the call comes before the commit). One that it has too much is looked for before the rows are read: its
 * order was there before it. What is left is under way.
 */
export interface DeliveryAudit {
  /** In the rows' snapshot. */
  compare(reader: SqlReader, scope: AuditScope): Promise<void>;
  /** After it. @param ends where the topics ended after the snapshot */
  findings(evidence: {
    sql: SqlReader;
    log: LogReader;
    ends: readonly LogRange[];
    graceMs: number;
  }): Promise<Finding[]>;
  readonly notes: readonly string[];
}

/** Asks the platform what it has; to be called before the rows are read. */
export async function beginDeliveryAudit(platform: PlatformReader | undefined): Promise<DeliveryAudit> {
  const unchecked = (reason: string): DeliveryAudit => ({
    compare: () => Promise.resolve(),
    findings: () => Promise.resolve([]),
    notes: [`deliveries to the data platform were not checked: ${reason}`],
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
        finding(
          { invariant: 11, name: 'ended-orders-are-delivered', title: 'the data platform has the end of every order' },
          { checked, suspects: wrong, underway: inOutbox + missing.length - wrong.length },
          setAside,
        ),
        finding(
          {
            invariant: 11,
            name: 'delivered-is-an-end',
            title: 'the data platform has nothing twice, and nothing that no order has',
          },
          { checked: kept.ids.size, suspects: extra },
          new Set(),
        ),
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
    else missing.push({ id, key: id, detail: `${type} of order ${orderId} is not at the data platform` });
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
  // An event's id begins with its order's time, as the order's id does.
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
 * In this order: the offsets, the dead letters, the platform. What is below the offsets was delivered or set aside
 * before they were committed, and what was redriven after the dead letters were read is at the platform by now.
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
    passed: own.every((range) => (committed.get(partitionName(range)) ?? range.from) >= range.to),
    setAside,
  };
}

/** Ids of events that the group has set aside, or that somebody gave up. */
async function readSetAside(sql: SqlReader): Promise<Set<string>> {
  const rows = await sql.query<{ eventId: string | null; orderId: string | null }>(
    `SELECT event_id AS eventId, message_key AS orderId FROM shop_order.dead_letter
      WHERE consumer_group = ? AND status <> 'REDRIVEN'`,
    [DATA_PLATFORM],
  );
  // Of what could not be read only the key is known.
  const unread = rows.flatMap(({ eventId, orderId }) => (eventId === null && orderId !== null ? [orderId] : []));
  return new Set([
    ...rows.flatMap(({ eventId }) => eventId ?? []),
    ...unread.flatMap((orderId) => [
      deriveEventId(orderId, 'order-completed'),
      deriveEventId(orderId, 'order-cancelled'),
    ]),
  ]);
}
