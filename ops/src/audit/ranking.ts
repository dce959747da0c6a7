import { deriveEventId } from '@shop/events';
import type { SqlReader } from '../sql.ts';
import { dayIn, dayStarts, startOf } from './business-days.ts';
import { type AuditScope, type Check, type CheckResult, letterName, type Suspect, sqlCheck } from './check.ts';
import { appliedAmong, WAITING } from './groups.ts';

const DAY_MS = 86_400_000;
/** Events that ranking has not applied for longer than this no longer count as being on their way, ms. */
const UNDERWAY_MS = 120_000;

/**
 * Invariant 10, as far as the schemas show it.
 * @param timeZone SHOP_TIME_ZONE of the ranking service
 */
export function rankingChecks(timeZone: string): readonly Check[] {
  return [
    {
      invariant: 10,
      name: 'totals-are-their-orders',
      title: 'each day’s total of a product is that of the completed orders that were not cancelled',
      run: (reader, scope) => compareTotals(reader, scope, timeZone),
    },
    sqlCheck({
      invariant: 10,
      name: 'totals-have-names',
      title: 'each product with a total has a name',
      counted: 'SELECT COUNT(DISTINCT product_id) AS counted FROM shop_ranking.daily_product_sales',
      faults: `
        SELECT DISTINCT d.product_id AS id, 'there is no row in products' AS detail
        FROM shop_ranking.daily_product_sales d LEFT JOIN shop_ranking.products p ON p.product_id = d.product_id
        WHERE p.product_id IS NULL`,
    }),
  ];
}

/** Day/product → pieces. */
type Totals = Map<string, number>;

/**
 * Compares in one snapshot: a difference from the orders is either wrong, or an event that ranking has not applied yet.
 */
async function compareTotals(reader: SqlReader, scope: AuditScope, timeZone: string): Promise<CheckResult> {
  const range = await rangeOf(reader, scope, timeZone);
  if (!range) return { checked: 0, suspects: [] };
  const actual = await readTotals(reader, range.first);
  const expected = await recount(reader, timeZone, range);
  const keys = new Set([...actual.keys(), ...expected.keys()]);
  const differing = new Set([...keys].filter((key) => (actual.get(key) ?? 0) !== (expected.get(key) ?? 0)));
  if (differing.size === 0) return { checked: keys.size, suspects: [] };

  const waiting = await readWaiting(reader, timeZone);
  const unapplied = await readUnapplied(reader, timeZone, differing, new Set([...waiting.values()]));
  const suspects: Suspect[] = [];
  let underway = 0;
  for (const id of differing) {
    const table = actual.get(id) ?? 0;
    const orders = expected.get(id) ?? 0;
    if (table === orders - (unapplied.get(id) ?? 0)) {
      underway++;
      continue;
    }
    const orderId = waiting.get(id);
    suspects.push({
      id,
      detail: `the table has ${table}, its orders ${orders}`,
      ...(orderId !== undefined && { waitsFor: [letterName('ranking', orderId)] }),
    });
  }
  return { checked: keys.size, suspects, underway };
}

interface Range {
  readonly first: string;
  readonly last: string;
}

/** The days to compare: all, or from that of `since` on. */
async function rangeOf(reader: SqlReader, { since }: AuditScope, timeZone: string): Promise<Range | undefined> {
  const [orders] = await reader.query<{ first: Date | null; last: Date | null }>(
    `SELECT MIN(completed_at) AS first, MAX(completed_at) AS last FROM shop_order.orders WHERE status = 'COMPLETED' AND created_at >= ?`,
    [new Date((since?.getTime() ?? 0) - 2 * DAY_MS)],
  );
  const [table] = await reader.query<{ first: string | null; last: string | null }>(
    `SELECT DATE_FORMAT(MIN(d.business_day), '%Y-%m-%d') AS first, DATE_FORMAT(MAX(d.business_day), '%Y-%m-%d') AS last
       FROM shop_ranking.ranking_state s JOIN shop_ranking.daily_product_sales d ON d.generation = s.live_generation WHERE s.id = 1`,
  );
  const days = [
    ...[orders?.first, orders?.last].flatMap((at) => (at ? [dayIn(timeZone, at.getTime())] : [])),
    ...[table?.first, table?.last].flatMap((day) => day ?? []),
  ].sort();
  const [earliest] = days;
  const last = days.at(-1);
  if (earliest === undefined || last === undefined) return undefined;
  const first = since ? [earliest, dayIn(timeZone, since.getTime())].sort()[1] : earliest;
  return first !== undefined && first <= last ? { first, last } : undefined;
}

async function readTotals(reader: SqlReader, first: string): Promise<Totals> {
  const rows = await reader.query<{ day: string; productId: number; quantity: number }>(
    `SELECT DATE_FORMAT(d.business_day, '%Y-%m-%d') AS day, d.product_id AS productId, d.quantity
       FROM shop_ranking.ranking_state s JOIN shop_ranking.daily_product_sales d ON d.generation = s.live_generation
      WHERE s.id = 1 AND d.business_day >= ?`,
    [first],
  );
  return new Map(rows.map(({ day, productId, quantity }) => [`${day}/${productId}`, quantity]));
}

/** Counts the orders in one pass, by days whose bounds are given in UTC: the server knows no time zones. */
async function recount(reader: SqlReader, timeZone: string, { first, last }: Range): Promise<Totals> {
  const starts = dayStarts(timeZone, first, last);
  const from = new Date(startOf(timeZone, first));
  const rows = await reader.query<{ slot: number; productId: number; quantity: number }>(
    `SELECT INTERVAL(TIMESTAMPDIFF(SECOND, '1970-01-01', o.completed_at), ${starts.map(() => '?').join(',')}) AS slot, i.product_id AS productId, SUM(i.quantity) AS quantity
       FROM shop_order.orders o JOIN shop_order.order_items i ON i.order_id = o.order_id
      WHERE o.status = 'COMPLETED' AND o.created_at >= ? AND o.completed_at >= ?
      GROUP BY slot, i.product_id`,
    // Orders are indexed by creation. An order completes within its deadline, so a day of margin is ample.
    [...starts.map((it) => it.from / 1_000), new Date(from.getTime() - DAY_MS), from],
  );
  return new Map(
    rows.map(({ slot, productId, quantity }) => [`${starts[slot - 1]?.day}/${productId}`, Number(quantity)]),
  );
}

interface OrderLine {
  readonly orderId: string;
  readonly status: string;
  readonly completedAt: Date;
  readonly productId: number;
  readonly quantity: number;
}
const LINES = `
  SELECT o.order_id AS orderId, o.status, o.completed_at AS completedAt, i.product_id AS productId, i.quantity
    FROM shop_order.orders o JOIN shop_order.order_items i ON i.order_id = o.order_id
   WHERE o.completed_at IS NOT NULL`;

/** Day/product → an order with it that waits in or behind one of ranking's dead letters. */
async function readWaiting(reader: SqlReader, timeZone: string): Promise<Map<string, string>> {
  const lines = await reader.query<OrderLine>(
    `${LINES} AND o.order_id IN (
       SELECT message_key FROM shop_ranking.dead_letter WHERE status IN (?) AND message_key IS NOT NULL)`,
    [[...WAITING]],
  );
  return new Map(lines.map((line) => [keyOf(line, timeZone), line.orderId]));
}

/**
 * The amounts that events of recently ended orders will add once ranking has applied them; only for the differing days.
 */
async function readUnapplied(
  reader: SqlReader,
  timeZone: string,
  differing: ReadonlySet<string>,
  except: ReadonlySet<string>,
): Promise<Totals> {
  const recent = await reader.query<OrderLine>(`${LINES} AND o.updated_at >= ?`, [new Date(Date.now() - UNDERWAY_MS)]);
  const lines = recent.filter((line) => differing.has(keyOf(line, timeZone)) && !except.has(line.orderId));
  const idsOf = ({ orderId }: OrderLine) =>
    [deriveEventId(orderId, 'order-completed'), deriveEventId(orderId, 'order-cancelled')] as const;
  const applied = await appliedAmong(reader, 'ranking', [...new Set(lines.flatMap(idsOf))]);
  const totals: Totals = new Map();
  for (const line of lines) {
    const [completed, cancelled] = idsOf(line);
    const counted = line.status === 'COMPLETED' ? 1 : 0;
    const reached = (applied.has(completed) ? 1 : 0) - (applied.has(cancelled) ? 1 : 0);
    const key = keyOf(line, timeZone);
    totals.set(key, (totals.get(key) ?? 0) + (counted - reached) * line.quantity);
  }
  return totals;
}

function keyOf({ completedAt, productId }: OrderLine, timeZone: string): string {
  return `${dayIn(timeZone, completedAt.getTime())}/${productId}`;
}
