import type { OrderStatus } from '../domain/order.ts';
import { type ListOrders, viewOf } from '../usecases/order-view.ts';
import type { Order, OrderItem } from './generated/client.ts';
import type { Prisma } from './prisma.ts';
import { toOrder } from './rows.ts';

/** Order ids are UUIDv7, so their order is the order of placing. */
export function createListOrders(prisma: Prisma): ListOrders {
  return async ({ userId, status, after, limit }) => {
    const orders = await (await prisma()).order.findMany({
      where: { userId, ...(status ? { status } : {}), ...(after ? { orderId: { lt: after } } : {}) },
      include: { items: { orderBy: { productId: 'asc' } } },
      orderBy: { orderId: 'desc' },
      take: limit,
    });
    return orders.map((order) => viewOf(fromPrisma(order)));
  };
}

function fromPrisma(order: Order & { items: OrderItem[] }) {
  const row = {
    order_id: order.orderId,
    user_id: Number(order.userId),
    coupon_id: order.couponId,
    status: order.status as OrderStatus,
    reason: order.reason,
    expected_total: toNumber(order.expectedTotal),
    total_amount: toNumber(order.totalAmount),
    discount_amount: toNumber(order.discountAmount),
    paid_amount: toNumber(order.paidAmount),
    version: order.version,
    traceparent: order.traceparent,
    created_at: order.createdAt,
    updated_at: order.updatedAt,
    completed_at: order.completedAt,
  };
  const items = order.items.map((item) => ({
    order_id: item.orderId,
    product_id: Number(item.productId),
    quantity: item.quantity,
    name: item.name,
    unit_price: toNumber(item.unitPrice),
  }));
  return toOrder(row, items);
}

function toNumber(amount: bigint | null): number | null {
  return amount === null ? null : Number(amount);
}
