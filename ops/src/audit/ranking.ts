import { deriveEventId, INBOX_RETENTION_DAYS } from '@shop/events';
import type { SqlReader } from '../sql.ts';
import { dayIn, dayStarts, startOf } from './business-days.ts';
import { type AuditScope, type Check, type CheckResult, letterName, type Suspect, sqlCheck } from './check.ts';
import { appliedAmong, WAITING } from './groups.ts';

const GROUP = 'ranking';
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

  const waiting = await readWaiting(reader);
  const open = await readOpen(reader, timeZone, differing, waiting);
  const suspects: Suspect[] = [];
  let underway = 0;
  for (const id of differing) {
    const [table, orders] = [actual.get(id) ?? 0, expected.get(id) ?? 0];
    const shares = open.get(id) ?? [];
    const parked = shares.filter(({ orderId }) => waiting.has(orderId));
    // Open shares explain a difference of exactly their sum, and no other.
    const isExplained = table === orders - sumOf(shares);
    if (isExplained && parked.length === 0) {
      underway++;
      continue;
    }
    const behind = parked.length > 0 ? `, of which ${sumOf(parked)} are in and behind dead letters` : '';
    suspects.push({
      id,
      detail: `the table has ${table}, its orders ${orders}${behind}`,
      ...(isExplained && { waitsFor: parked.map(({ orderId }) => letterName(GROUP, orderId)) }),
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
  readonly updatedAt: Date;
  readonly productId: number;
  readonly quantity: number;
}
const LINES = `
  SELECT o.order_id AS orderId, o.status, o.completed_at AS completedAt, o.updated_at AS updatedAt, i.product_id AS productId, i.quantity
    FROM shop_order.orders o JOIN shop_order.order_items i ON i.order_id = o.order_id
   WHERE o.completed_at IS NOT NULL`;
const LETTERS = `FROM shop_ranking.dead_letter WHERE consumer_group = '${GROUP}' AND status IN (?) AND message_key IS NOT NULL`;

/** Order → the ids of its events that wait in or behind one of ranking's dead letters; null: one that has no id. */
type Waiting = ReadonlyMap<string, readonly (string | null)[]>;

async function readWaiting(reader: SqlReader): Promise<Waiting> {
  const rows = await reader.query<{ orderId: string; eventId: string | null }>(
    `SELECT message_key AS orderId, event_id AS eventId ${LETTERS}`,
    [[...WAITING]],
  );
  return new Map(
    [...Map.groupBy(rows, ({ orderId }) => orderId)].map(([orderId, of]) => [orderId, of.map((it) => it.eventId)]),
  );
}

/** The pieces that an order's events will add to a total once ranking has applied them; less than 0: taken away. */
interface Share {
  readonly orderId: string;
  readonly pieces: number;
}

/**
 * Day/product → the shares of orders that ranking has not applied: those that wait, however long, and those that ended
 * lately; only for the differing days.
 */
async function readOpen(
  reader: SqlReader,
  timeZone: string,
  differing: ReadonlySet<string>,
  waiting: Waiting,
): Promise<Map<string, Share[]>> {
  const behind = waiting.size
    ? await reader.query<OrderLine>(`${LINES} AND o.order_id IN (SELECT message_key ${LETTERS})`, [[...WAITING]])
    : [];
  const recent = await reader.query<OrderLine>(`${LINES} AND o.updated_at >= ?`, [new Date(Date.now() - UNDERWAY_MS)]);
  const lines = [...behind, ...recent.filter(({ orderId }) => !waiting.has(orderId))].filter((line) =>
    differing.has(keyOf(line, timeZone)),
  );
  const inbox = await appliedAmong(reader, GROUP, [...new Set(lines.flatMap((line) => Object.values(idsOf(line))))]);
  const shares = Map.groupBy(lines, (line) => keyOf(line, timeZone));
  return new Map(
    [...shares].map(([key, of]) => [
      key,
      of
        .map((line) => ({ orderId: line.orderId, pieces: piecesOpen(line, inbox, waiting.get(line.orderId)) }))
        .filter(({ pieces }) => pieces !== 0),
    ]),
  );
}

function idsOf({ orderId }: OrderLine): { readonly completed: string; readonly cancelled: string } {
  return {
    completed: deriveEventId(orderId, 'order-completed'),
    cancelled: deriveEventId(orderId, 'order-cancelled'),
  };
}

/** @param letters ids of the order's events that wait; one without an id may be any of them */
function piecesOpen(line: OrderLine, inbox: ReadonlySet<string>, letters: readonly (string | null)[] = []): number {
  const { completed, cancelled } = idsOf(line);
  const forgotten = Date.now() - (INBOX_RETENTION_DAYS - 1) * DAY_MS;
  // Inboxes forget. What happened before was applied, unless it waits.
  const isApplied = (id: string, at: Date) =>
    inbox.has(id) || (at.getTime() < forgotten && !letters.includes(id) && !letters.includes(null));
  const isCancelled = line.status === 'CANCELLED';
  const counted = isCancelled ? 0 : 1;
  const reached =
    (isApplied(completed, line.completedAt) ? 1 : 0) - (isCancelled && isApplied(cancelled, line.updatedAt) ? 1 : 0);
  return (counted - reached) * line.quantity;
}

function sumOf(shares: readonly Share[]): number {
  return shares.reduce((sum, { pieces }) => sum + pieces, 0);
}

function keyOf({ completedAt, productId }: OrderLine, timeZone: string): string {
  return `${dayIn(timeZone, completedAt.getTime())}/${productId}`;
}
