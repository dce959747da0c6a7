import { unreachable } from '@shop/chassis/unreachable';
import type { EventDataByType, NewEvent, ReceivedEvent } from '@shop/events';

/** The order events that the catalog consumes. */
export type OrderEvent = ReceivedEvent<'order-created' | 'order-completed' | 'order-cancelled'>;

/** The part of a product that reservations read and move. Stock is counted in pieces, the price in won. */
export interface ProductStock {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** A reserved line: its name and price are the product's at that moment and never change. */
export interface ReservedLine {
  readonly productId: number;
  readonly name: string;
  readonly unitPrice: number;
  readonly quantity: number;
}

interface OfOrder {
  readonly orderId: string;
  readonly userId: number;
  readonly couponId: string | null;
}

/** Stock is set aside (ACTIVE) or sold (SOLD). */
export interface HeldReservation extends OfOrder {
  readonly status: 'ACTIVE' | 'SOLD';
  readonly lines: readonly ReservedLine[];
  readonly totalAmount: number;
}

/** The reservation held stock and gave it back when the order was cancelled for `reason`. */
export interface ReleasedReservation extends OfOrder {
  readonly status: 'RELEASED';
  readonly lines: readonly ReservedLine[];
  readonly totalAmount: number;
  readonly reason: string;
}

/** The reservation never held stock: refused (REJECTED), or cancelled before its order arrived (VOID). */
export interface EmptyReservation extends OfOrder {
  readonly status: 'REJECTED' | 'VOID';
  readonly reason: string;
}

/** The catalog's record of one order; undefined until an event of the order arrives. */
export type Reservation = HeldReservation | ReleasedReservation | EmptyReservation;

/** The state that one event is decided on: the order's reservation and the products, all locked. */
export interface CatalogState {
  readonly reservation: Reservation | undefined;
  readonly products: ReadonlyMap<number, ProductStock>;
}

/** The changes of a decision; none if `reservation` is absent. `products` holds only products whose stock moved. */
export interface Decision {
  readonly reservation?: Reservation;
  readonly products: readonly ProductStock[];
  readonly events: readonly NewEvent[];
}

const NOTHING: Decision = { products: [], events: [] };

/**
 * Decides one event of one order.
 * @throws for an event that cannot follow this state or has impossible lines: it is dead-lettered, never dropped
 */
export function decide(state: CatalogState, event: OrderEvent): Decision {
  switch (event.type) {
    case 'order-created':
      // An existing row means that the event was decided before, or that the cancellation came first (VOID).
      return state.reservation ? NOTHING : reserve(state.products, event.data);
    case 'order-completed':
      return sell(state, event.data.orderId);
    case 'order-cancelled':
      return release(state, event.data);
    default:
      return unreachable(event);
  }
}

function reserve(products: ReadonlyMap<number, ProductStock>, order: EventDataByType['order-created']): Decision {
  checkLines(order);
  const { orderId, userId, couponId } = order;
  const reject = (reason: string, productId: number | null, totalAmount: number | null): Decision => ({
    reservation: { status: 'REJECTED', orderId, userId, couponId, reason },
    products: [],
    events: [{ type: 'stock-rejected', data: { orderId, userId, reason, productId, totalAmount } }],
  });

  const lines: ReservedLine[] = [];
  const moved: ProductStock[] = [];
  let outOfStock: number | undefined;
  for (const { productId, quantity } of order.lines) {
    const product = products.get(productId);
    if (!product) return reject('PRODUCT_NOT_FOUND', productId, null);
    if (product.available < quantity) outOfStock ??= productId;
    lines.push({ productId, name: product.name, unitPrice: product.price, quantity });
    moved.push({ ...product, available: product.available - quantity, reserved: product.reserved + quantity });
  }
  if (outOfStock !== undefined) return reject('OUT_OF_STOCK', outOfStock, null);

  const totalAmount = lines.reduce((sum, line) => sum + line.unitPrice * line.quantity, 0);
  if (order.expectedTotal !== null && order.expectedTotal !== totalAmount) {
    return reject('PRICE_CHANGED', null, totalAmount);
  }
  return {
    reservation: { status: 'ACTIVE', orderId, userId, couponId, lines, totalAmount },
    products: moved,
    events: [{ type: 'stock-reserved', data: { orderId, userId, couponId, lines, totalAmount } }],
  };
}

function sell({ reservation, products }: CatalogState, orderId: string): Decision {
  switch (reservation?.status) {
    case 'ACTIVE':
      return {
        reservation: { ...reservation, status: 'SOLD' },
        products: move(reservation.lines, products, (product, quantity) => ({
          reserved: product.reserved - quantity,
          sold: product.sold + quantity,
        })),
        events: [],
      };
    case 'SOLD':
      return NOTHING;
    case 'RELEASED':
    case 'VOID':
      // A late copy: an order completes before it is cancelled, or never.
      return NOTHING;
    case 'REJECTED':
    case undefined:
      throw new Error(`order ${orderId} completed, but its stock is ${reservation?.status ?? 'unknown'}`);
    default:
      return unreachable(reservation);
  }
}

function release(state: CatalogState, order: EventDataByType['order-cancelled']): Decision {
  const { reservation, products } = state;
  const { orderId, userId, couponId, reason } = order;
  switch (reservation?.status) {
    case undefined:
      return { reservation: { status: 'VOID', orderId, userId, couponId, reason }, products: [], events: [] };
    case 'ACTIVE':
    case 'SOLD': {
      const from = reservation.status === 'ACTIVE' ? 'reserved' : 'sold';
      return {
        reservation: { ...reservation, status: 'RELEASED', reason },
        products: move(reservation.lines, products, (product, quantity) => ({
          available: product.available + quantity,
          [from]: product[from] - quantity,
        })),
        events: [],
      };
    }
    case 'REJECTED':
    case 'RELEASED':
    case 'VOID':
      return NOTHING;
    default:
      return unreachable(reservation);
  }
}

function move(
  lines: readonly ReservedLine[],
  products: ReadonlyMap<number, ProductStock>,
  change: (product: ProductStock, quantity: number) => Partial<ProductStock>,
): ProductStock[] {
  return lines.map(({ productId, quantity }) => {
    const product = products.get(productId);
    if (!product) throw new Error(`product ${productId} is reserved but does not exist`);
    return { ...product, ...change(product, quantity) };
  });
}

/** The contract gives each product once, in whole pieces; other lines would move stock wrongly. */
function checkLines({ orderId, lines }: EventDataByType['order-created']): void {
  const distinct = new Set(lines.map((line) => line.productId)).size;
  const whole = lines.every((line) => Number.isSafeInteger(line.quantity) && line.quantity > 0);
  if (lines.length === 0 || distinct !== lines.length || !whole) {
    throw new Error(`order ${orderId} has impossible lines: ${JSON.stringify(lines)}`);
  }
}
