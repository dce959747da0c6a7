import { deriveEventId, type EventType } from '@shop/events';
import { dayIn } from '../../ops/src/audit/business-days.ts';
import type { Shop } from './audit-fixture.ts';

/** Orders of the example, one of each kind. */
export const ORDERS = {
  completed: '0193b5a0-0000-7000-8000-000000000001',
  refunded: '0193b5a0-0001-7000-8000-000000000002',
  rejected: '0193b5a0-0002-7000-8000-000000000003',
  unpaid: '0193b5a0-0003-7000-8000-000000000004',
  /** Cancelled before any other service had heard of it. */
  voided: '0193b5a0-0004-7000-8000-000000000005',
} as const;

export const AT = new Date('2026-01-01T00:00:00Z');
const CHARGE = '0193b5a0-0000-7000-9000-000000000001';
const PRODUCT = '0193b5a0-0000-7000-9000-000000000002';

const HANDLED: Readonly<Record<string, readonly EventType[]>> = {
  order: [
    'stock-awaited',
    'stock-reserved',
    'stock-rejected',
    'coupon-redeemed',
    'coupon-rejected',
    'payment-completed',
    'payment-failed',
    'payment-refunded',
  ],
  catalog: ['order-created', 'order-completed', 'order-cancelled'],
  coupon: ['stock-reserved', 'order-cancelled'],
  payment: ['stock-reserved', 'coupon-redeemed', 'order-cancelled'],
  ranking: ['order-completed', 'order-cancelled'],
  'data-platform': ['order-completed', 'order-cancelled'],
};

/** Whether a group that handles an event wants it, for an order with or without a coupon. */
function isFor(group: string, type: EventType, withCoupon: boolean): boolean {
  if (group === 'coupon') return withCoupon;
  return !(group === 'payment' && type === 'stock-reserved' && withCoupon);
}

/** A consistent shop: one product, two users, orders that ended in every way. */
export async function fillShop(shop: Shop): Promise<void> {
  await shop.sql(
    `INSERT INTO shop_catalog.products (product_id, name, price, initial_stock, restocked, available, reserved, sold, version, created_at, updated_at)
     VALUES (1, 'Teapot', 1000, 10, 0, 8, 0, 2, 1, ?, ?)`,
    [AT, AT],
  );
  await shop.sql(
    `INSERT INTO shop_catalog.product_changes (request_id, product_id, version, change_type, name, price, stock_delta, available, created_at)
     VALUES (?, 1, 1, 'CREATED', 'Teapot', 1000, 10, 10, ?)`,
    [PRODUCT, AT],
  );
  shop.publishRequest('product-changed', '1', PRODUCT);
  await claim(shop, 'ranking', PRODUCT);
  await shop.sql(
    `INSERT INTO shop_ranking.products (product_id, name, price, version, updated_at) VALUES (1, 'Teapot', 1000, 1, ?)`,
    [AT],
  );
  await shop.sql('INSERT INTO shop_ranking.ranking_state (id, live_generation, updated_at) VALUES (1, 1, ?)', [AT]);
  await shop.sql(
    'INSERT INTO shop_payment.accounts (user_id, balance, created_at, updated_at) VALUES (7, 3000, ?, ?)',
    [AT, AT],
  );
  await points(shop, 'CHARGE', 5000, 5000, null, CHARGE);
  await shop.sql(
    `INSERT INTO shop_payment.idempotency_key (user_id, scope, idem_key, request_hash, request_id, created_at) VALUES (7, 'POST /points/charge', 'charge', '', ?, ?)`,
    [CHARGE, AT],
  );
  shop.publishRequest('points-charged', '7', CHARGE);

  await addOrder(shop, ORDERS.completed, { order: 'COMPLETED', reservation: 'SOLD', payment: 'COMPLETED' });
  await points(shop, 'USE', 2000, 3000, ORDERS.completed, null);
  await addOrder(shop, ORDERS.refunded, {
    order: 'CANCELLED',
    reason: 'ORDER_CANCELLED',
    completed: true,
    reservation: 'RELEASED',
    payment: 'REFUNDED',
  });
  await points(shop, 'USE', 2000, 1000, ORDERS.refunded, null);
  await points(shop, 'REFUND', 2000, 3000, ORDERS.refunded, null);
  await addOrder(shop, ORDERS.rejected, {
    order: 'CANCELLED',
    reason: 'OUT_OF_STOCK',
    reservation: 'REJECTED',
    payment: 'VOID',
  });
  await addOrder(shop, ORDERS.unpaid, {
    order: 'CANCELLED',
    reason: 'INSUFFICIENT_BALANCE',
    reservation: 'RELEASED',
    payment: 'FAILED',
  });
  await addOrder(shop, ORDERS.voided, {
    order: 'CANCELLED',
    reason: 'ORDER_CANCELLED',
    reservation: 'VOID',
    payment: 'VOID',
  });
  await shop.sql(
    `INSERT INTO shop_order.idempotency_key (user_id, scope, idem_key, request_hash, request_id, created_at)
     VALUES (7, 'POST /orders', 'first', '', ?, ?), (7, CONCAT('POST /orders/', ?, '/cancel'), 'cancel', '', '0193b5a0-0000-7000-9000-000000000009', ?)`,
    [ORDERS.completed, AT, ORDERS.refunded, AT],
  );
}

interface States {
  readonly order: 'PENDING' | 'COMPLETED' | 'CANCELLED';
  readonly reason?: string;
  readonly completed?: boolean;
  readonly reservation?: 'ACTIVE' | 'SOLD' | 'RELEASED' | 'REJECTED' | 'VOID';
  readonly payment?: 'COMPLETED' | 'REFUNDED' | 'FAILED' | 'VOID';
  readonly createdAt?: Date;
  /** Default 7. */
  readonly userId?: number;
  /** Default 1. */
  readonly productId?: number;
  /** The named coupon, worth 500 won, and its redemption. The caller creates the coupon. */
  readonly coupon?: { readonly id: string; readonly redemption: 'REDEEMED' | 'RETURNED' | 'REJECTED' | 'VOID' };
}

/** An order of two teapots with its rows in all schemas, its events and the inboxes' rows. */
export async function addOrder(shop: Shop, orderId: string, states: States): Promise<void> {
  const { order, reason = null, reservation, payment, createdAt = AT, userId = 7, productId = 1, coupon } = states;
  const redeemed = coupon?.redemption === 'REDEEMED' || coupon?.redemption === 'RETURNED';
  const discount = redeemed ? 500 : 0;
  const paid = 2000 - discount;
  const completed = order === 'COMPLETED' || states.completed === true;
  const captured = payment === 'COMPLETED' || payment === 'REFUNDED';
  const held = reservation === 'ACTIVE' || reservation === 'SOLD' || reservation === 'RELEASED';
  const events: EventType[] = [
    'order-created',
    ...(held ? (['stock-reserved'] as const) : reservation === 'REJECTED' ? (['stock-rejected'] as const) : []),
    ...(redeemed ? (['coupon-redeemed'] as const) : []),
    ...(coupon?.redemption === 'REJECTED' ? (['coupon-rejected'] as const) : []),
    ...(captured ? (['payment-completed'] as const) : payment === 'FAILED' ? (['payment-failed'] as const) : []),
    ...(completed ? (['order-completed'] as const) : []),
    ...(order === 'CANCELLED' ? (['order-cancelled'] as const) : []),
    ...(payment === 'REFUNDED' ? (['payment-refunded'] as const) : []),
  ];
  await shop.sql(
    `INSERT INTO shop_order.orders (order_id, user_id, coupon_id, status, reason, total_amount, discount_amount, paid_amount, version, created_at, updated_at, completed_at, refunded_at)
     VALUES (?, ${userId}, ${coupon ? `'${coupon.id}'` : 'NULL'}, ?, ${reason ? '?' : 'NULL'}, 2000, ${discount}, ${captured ? paid : 'NULL'}, ${events.length}, ?, ?, ${completed ? '?' : 'NULL'}, ${payment === 'REFUNDED' ? '?' : 'NULL'})`,
    [
      ...[orderId, order, ...(reason ? [reason] : []), createdAt, createdAt],
      ...[...(completed ? [createdAt] : []), ...(payment === 'REFUNDED' ? [createdAt] : [])],
    ],
  );
  await shop.sql('INSERT INTO shop_order.order_items (order_id, product_id, quantity) VALUES (?, ?, 2)', [
    orderId,
    productId,
  ]);
  for (const [index, type] of events.entries()) {
    await shop.sql(
      'INSERT INTO shop_order.order_history (order_id, seq, event_id, type, data, happened_at) VALUES (?, ?, ?, ?, ?, ?)',
      [orderId, index + 1, deriveEventId(orderId, type), type, '{}', createdAt],
    );
    const names = coupon && (type === 'stock-reserved' || type === 'order-cancelled');
    shop.publish(orderId, type, names ? { headers: { ce_type: type, ce_couponid: coupon.id } } : {});
    for (const [group, handled] of Object.entries(HANDLED)) {
      if (handled.includes(type) && isFor(group, type, coupon !== undefined)) await apply(shop, group, orderId, type);
    }
    if (HANDLED['data-platform']?.includes(type)) shop.delivered?.push(deriveEventId(orderId, type));
  }
  if (order === 'COMPLETED') {
    await shop.sql(
      `INSERT INTO shop_ranking.daily_product_sales (generation, business_day, product_id, quantity, version, updated_at)
       VALUES (1, ?, ${productId}, 2, 1, ?) ON DUPLICATE KEY UPDATE quantity = quantity + VALUES(quantity), version = version + 1`,
      [dayIn('Asia/Seoul', createdAt.getTime()), createdAt],
    );
  }
  if (reservation) {
    await shop.sql(
      `INSERT INTO shop_catalog.reservations (order_id, user_id, status, total_amount, created_at, updated_at) VALUES (?, ${userId}, ?, ${held ? 2000 : 0}, ?, ?)`,
      [orderId, reservation, createdAt, createdAt],
    );
    if (held)
      await shop.sql(
        `INSERT INTO shop_catalog.reservation_lines (order_id, product_id, name, unit_price, quantity) VALUES (?, ?, 'Teapot', 1000, 2)`,
        [orderId, productId],
      );
  }
  if (coupon) {
    const amounts = redeemed ? `2000, ${discount}` : 'NULL, NULL';
    await shop.sql(
      `INSERT INTO shop_coupon.redemptions (order_id, coupon_id, user_id, status, total_amount, discount_amount, created_at, updated_at)
       VALUES (?, ?, ${userId}, ?, ${amounts}, ?, ?)`,
      [orderId, coupon.id, coupon.redemption, createdAt, createdAt],
    );
  }
  if (payment) {
    await shop.sql(
      `INSERT INTO shop_payment.payments (order_id, user_id, status, paid_amount, discount_amount, created_at, updated_at)
       VALUES (?, ${userId}, ?, ${captured ? paid : 0}, ${captured ? discount : 0}, ?, ?)`,
      [orderId, payment, createdAt, createdAt],
    );
  }
}

/** Marks an event as applied by a group. */
async function apply(shop: Shop, group: string, orderId: string, type: EventType): Promise<void> {
  await claim(shop, group, deriveEventId(orderId, type));
}

export async function claim(shop: Shop, group: string, eventId: string): Promise<void> {
  const service = group === 'data-platform' ? 'order' : group;
  await shop.sql(
    `INSERT INTO shop_${service}.processed_event (consumer_group, event_id, claim, processed_at) VALUES (?, ?, '', ?)`,
    [group, eventId, AT],
  );
}

export async function points(
  shop: Shop,
  type: string,
  amount: number,
  after: number,
  orderId: string | null,
  requestId: string | null,
  userId = 7,
): Promise<void> {
  await shop.sql(
    `INSERT INTO shop_payment.point_history (user_id, type, amount, balance_after, order_id, request_id, created_at)
     VALUES (${userId}, ?, ?, ?, ${orderId ? '?' : 'NULL'}, ${requestId ? '?' : 'NULL'}, ?)`,
    [type, amount, after, ...(orderId ? [orderId] : []), ...(requestId ? [requestId] : []), AT],
  );
}

/** Empties every table and the log. */
export async function emptyShop(shop: Shop): Promise<void> {
  const tables = {
    order: ['orders', 'order_items', 'order_history', 'idempotency_key'],
    catalog: ['products', 'product_changes', 'reservations', 'reservation_lines', 'idempotency_key'],
    coupon: ['coupon_policies', 'coupons', 'redemptions', 'coupon_requests', 'coupon_policy_ends', 'idempotency_key'],
    payment: ['accounts', 'point_history', 'payments', 'idempotency_key'],
    ranking: ['daily_product_sales', 'ranking_state', 'products'],
  };
  for (const [service, names] of Object.entries(tables)) {
    for (const name of [...names, 'outbox', 'processed_event', 'dead_letter', 'parked_key'])
      await shop.sql(`DELETE FROM shop_${service}.${name}`);
  }
  shop.records.length = 0;
  shop.delivered = [];
  shop.committed.clear();
  shop.emptied.clear();
}
