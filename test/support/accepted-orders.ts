import { type LoadAnswer, summarize } from './load.ts';
import { connectRoot } from './stack.ts';
import type { System } from './system.ts';

const BATCH = 1_000;

export interface Ends {
  readonly accepted: number;
  /** End state and reason → orders. */
  readonly ends: Readonly<Record<string, number>>;
}

/**
 * Checks the clients' answers against the rows: every accepted order (202) exists and has ended, one key got one order,
 * and only documented answers were given.
 */
export async function expectAcceptedOrdersEnded(
  system: Pick<System, 'stack'>,
  answers: readonly LoadAnswer[],
): Promise<Ends> {
  const undocumented = answers.filter(({ status }) => status !== 202 && status !== 503 && status !== 0);
  if (undocumented.length > 0) throw new Error(`undocumented answers: ${JSON.stringify(summarize(undocumented))}`);

  const orderOfKey = new Map<string, string>();
  for (const { status, key, orderId } of answers) {
    if (status !== 202) continue;
    if (!orderId) throw new Error(`an order was accepted without an id (key ${key})`);
    const before = orderOfKey.get(key);
    if (before && before !== orderId)
      throw new Error(`key ${key} was answered with the orders ${before} and ${orderId}`);
    orderOfKey.set(key, orderId);
  }
  const orderIds = [...new Set(orderOfKey.values())];
  const statusOf = await readOrders(system, orderIds);
  const lost = orderIds.filter((orderId) => !statusOf.has(orderId));
  if (lost.length > 0) throw new Error(`${lost.length} accepted orders are not there: ${lost.slice(0, 5).join(', ')}`);
  const pending = orderIds.filter((orderId) => statusOf.get(orderId) === 'PENDING');
  if (pending.length > 0)
    throw new Error(`${pending.length} accepted orders have no end: ${pending.slice(0, 5).join(', ')}`);

  const ends: Record<string, number> = {};
  for (const status of statusOf.values()) ends[status] = (ends[status] ?? 0) + 1;
  return { accepted: orderIds.length, ends };
}

async function readOrders(system: Pick<System, 'stack'>, orderIds: readonly string[]): Promise<Map<string, string>> {
  const sql = await connectRoot(system.stack);
  try {
    const found = new Map<string, string>();
    for (let i = 0; i < orderIds.length; i += BATCH) {
      const rows = await sql.query<{ id: string; status: string; reason: string | null }>(
        'SELECT order_id AS id, status, reason FROM shop_order.orders WHERE order_id IN (?)',
        [orderIds.slice(i, i + BATCH)],
      );
      for (const { id, status, reason } of rows) found.set(id, reason ? `${status} ${reason}` : status);
    }
    return found;
  } finally {
    await sql.close();
  }
}
