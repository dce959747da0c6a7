import { deriveEventId, type EventType } from '@shop/events';
import { SERVICE_NAMES, SERVICES, type ServiceName, schemaOf } from '../../../services/services.ts';
import { PARTICIPANTS } from '../audit/participants.ts';
import { WORTH, type WorthRow } from '../coupon-worth.ts';
import type { DeadLetter } from '../dead-letters/read.ts';
import { parseRef } from '../dead-letters/read.ts';
import { RUNNING_TYPES } from '../running-events.ts';
import type { SqlReader } from '../sql.ts';

export interface OrderRow {
  readonly orderId: string;
  readonly userId: number;
  readonly couponId: string | null;
  readonly status: 'PENDING' | 'COMPLETED' | 'CANCELLED';
  readonly reason: string | null;
  readonly totalAmount: number | null;
  readonly discountAmount: number | null;
  readonly paidAmount: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly completedAt: Date | null;
  /** Of the request that placed it; null for an order that no request placed. */
  readonly traceparent: string | null;
}

export interface ReservationRow {
  readonly status: string;
  readonly reason: string | null;
  readonly totalAmount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface RedemptionRow {
  readonly couponId: string;
  readonly status: string;
  readonly reason: string | null;
  /** Null where the coupon was never redeemed. */
  readonly discountAmount: number | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The coupon that the order names, in its present state: another order may use it. */
export interface CouponRow extends WorthRow {
  readonly couponId: string;
  readonly userId: number;
  readonly status: string;
  readonly orderId: string | null;
  readonly usedAt: Date | null;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
}

export interface PaymentRow {
  readonly status: string;
  readonly reason: string | null;
  readonly paidAmount: number;
  readonly discountAmount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** The row of a participant that tells the timeline its own story. */
export interface ToldRow {
  readonly part: string;
  readonly service: ServiceName;
  /** The event with which the row begins. */
  readonly begins: EventType;
  readonly what: string;
  readonly status: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A row of a group's inbox. It is all that a service has of an order of which it keeps no row, such as ranking. */
export interface AppliedEvent {
  readonly group: string;
  readonly type: EventType;
  readonly at: Date;
}

export interface WaitingEvent {
  readonly service: ServiceName;
  readonly type: string;
  readonly createdAt: Date;
}

/** All rows of one order in all schemas. */
export interface OrderFacts {
  readonly orderId: string;
  readonly order: OrderRow | undefined;
  readonly items: readonly {
    readonly productId: number;
    readonly quantity: number;
    readonly name: string | null;
    readonly unitPrice: number | null;
  }[];
  readonly history: readonly {
    readonly seq: number;
    readonly type: string;
    readonly eventId: string;
    readonly at: Date;
  }[];
  readonly reservation: ReservationRow | undefined;
  readonly redemption: RedemptionRow | undefined;
  readonly coupon: CouponRow | undefined;
  readonly payment: PaymentRow | undefined;
  readonly points: readonly {
    readonly id: number;
    readonly type: string;
    readonly amount: number;
    readonly balanceAfter: number;
    readonly at: Date;
  }[];
  readonly told: readonly ToldRow[];
  /** The order's events that groups have applied, as long as inboxes remember them. */
  readonly applied: readonly AppliedEvent[];
  /** Events of the order that the relays have not sent yet. */
  readonly outbox: readonly WaitingEvent[];
  readonly deadLetters: readonly Pick<
    DeadLetter,
    'ref' | 'service' | 'group' | 'status' | 'type' | 'error' | 'failedAt' | 'resolution'
  >[];
}

/** Reads an order's rows; `reader` should be one snapshot. */
// One function: it is a list of SQL statements and decides nothing.
export async function readOrderFacts(reader: SqlReader, orderId: string): Promise<OrderFacts> {
  const [order] = await reader.query<OrderRow>(
    `SELECT order_id AS orderId, user_id AS userId, coupon_id AS couponId, status, reason, total_amount AS totalAmount, discount_amount AS discountAmount,
            paid_amount AS paidAmount, created_at AS createdAt, updated_at AS updatedAt, completed_at AS completedAt, traceparent
     FROM shop_order.orders WHERE order_id = ?`,
    [orderId],
  );
  const [reservation] = await reader.query<ReservationRow>(
    `SELECT status, reason, total_amount AS totalAmount, created_at AS createdAt, updated_at AS updatedAt
     FROM shop_catalog.reservations WHERE order_id = ?`,
    [orderId],
  );
  const [redemption] = await reader.query<RedemptionRow>(
    `SELECT coupon_id AS couponId, status, reason, discount_amount AS discountAmount, created_at AS createdAt, updated_at AS updatedAt
     FROM shop_coupon.redemptions WHERE order_id = ?`,
    [orderId],
  );
  const couponId = order?.couponId ?? redemption?.couponId;
  const [coupon] = couponId
    ? await reader.query<CouponRow>(
        `SELECT coupon_id AS couponId, user_id AS userId, status, ${WORTH}, order_id AS orderId,
                used_at AS usedAt, issued_at AS issuedAt, expires_at AS expiresAt
         FROM shop_coupon.coupons WHERE coupon_id = ?`,
        [couponId],
      )
    : [];
  const [payment] = await reader.query<PaymentRow>(
    `SELECT status, reason, paid_amount AS paidAmount, discount_amount AS discountAmount, created_at AS createdAt, updated_at AS updatedAt
     FROM shop_payment.payments WHERE order_id = ?`,
    [orderId],
  );
  return {
    orderId,
    order,
    items: await reader.query(
      `SELECT product_id AS productId, quantity, name, unit_price AS unitPrice FROM shop_order.order_items WHERE order_id = ? ORDER BY product_id`,
      [orderId],
    ),
    history: await reader.query(
      `SELECT seq, type, event_id AS eventId, happened_at AS at FROM shop_order.order_history WHERE order_id = ? ORDER BY seq`,
      [orderId],
    ),
    reservation,
    redemption,
    coupon,
    payment,
    points: await reader.query(
      `SELECT id, type, amount, balance_after AS balanceAfter, created_at AS at FROM shop_payment.point_history WHERE order_id = ? ORDER BY id`,
      [orderId],
    ),
    told: await readTold(reader, orderId),
    applied: await readApplied(reader, orderId),
    outbox: await union<WaitingEvent>(
      reader,
      orderId,
      (service) =>
        `SELECT '${service}' AS service, type, created_at AS createdAt FROM ${schemaOf(service)}.outbox WHERE aggregateid = ? AND type <> 'dead-letter'`,
    ),
    deadLetters: (
      await union<{
        ref: string;
        group: string;
        status: DeadLetter['status'];
        type: string | null;
        error: string | null;
        failedAt: Date;
        resolution: string | null;
      }>(
        reader,
        orderId,
        (service) =>
          `SELECT CONCAT('${service}/', id) AS ref, consumer_group AS \`group\`, status, event_type AS type, error, failed_at AS failedAt, resolution
           FROM ${schemaOf(service)}.dead_letter WHERE message_key = ?`,
      )
    ).map((letter) => ({ ...letter, service: parseRef(letter.ref).service })),
  };
}

async function readTold(reader: SqlReader, orderId: string): Promise<ToldRow[]> {
  const told: ToldRow[] = [];
  for (const [part, { service, table, story }] of PARTICIPANTS) {
    if (!story) continue;
    const rows = await reader.query<Pick<ToldRow, 'what' | 'status' | 'createdAt' | 'updatedAt'>>(
      `SELECT status, ${story.what} AS what, created_at AS createdAt, updated_at AS updatedAt
       FROM ${schemaOf(service)}.${table} WHERE order_id = ?`,
      [orderId],
    );
    told.push(...rows.map((row) => ({ part, service, begins: story.begins, ...row })));
  }
  return told;
}

async function readApplied(reader: SqlReader, orderId: string): Promise<AppliedEvent[]> {
  const types = new Map(RUNNING_TYPES.map((type) => [deriveEventId(orderId, type), type]));
  const applied: AppliedEvent[] = [];
  for (const service of SERVICE_NAMES) {
    const rows = await reader.query<{ group: string; eventId: string; at: Date }>(
      `SELECT consumer_group AS \`group\`, event_id AS eventId, processed_at AS at
       FROM ${schemaOf(service)}.processed_event WHERE consumer_group IN (?) AND event_id IN (?)`,
      [[...SERVICES[service].groups], [...types.keys()]],
    );
    for (const { group, eventId, at } of rows) {
      const type = types.get(eventId);
      if (type) applied.push({ group, type, at });
    }
  }
  return applied;
}

async function union<Row>(reader: SqlReader, key: string, statement: (service: ServiceName) => string): Promise<Row[]> {
  const rows: Row[] = [];
  for (const service of SERVICE_NAMES) rows.push(...(await reader.query<Row>(statement(service), [key])));
  return rows;
}
