import { unreachable } from '@shop/chassis/unreachable';
import type { EventDataByType, NewEvent, ReceivedEvent } from '@shop/events';
import type {
  EmptyReservation,
  HeldReservation,
  OfOrder,
  OrderedLine,
  ProductStock,
  Reservation,
  WaitingReservation,
} from './states.ts';
import {
  Ahead,
  type Counter,
  everybodyAhead,
  fullLine,
  judge,
  type Limits,
  type Unpaid,
  unpaidKey,
  type Verdict,
  type WaitingLine,
} from './waiting.ts';

/** The order events that the catalog consumes. */
export type OrderEvent = ReceivedEvent<'order-created' | 'order-completed' | 'order-cancelled'>;

/** The state that one event is decided on: the order's reservation, and what the locked products are guarded by. */
export interface CatalogState {
  readonly reservation: Reservation | undefined;
  readonly products: ReadonlyMap<number, ProductStock>;
  /** All orders that wait for one of the products, in the order in which they came. */
  readonly line: WaitingLine;
  readonly unpaid: Unpaid;
  readonly limits: Limits;
}

/** The changes of a decision; none if `reservation` is absent. `products` holds only products that changed. */
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
      return state.reservation ? NOTHING : begin(state, event.data);
    case 'order-completed':
      return sell(state, event.data.orderId);
    case 'order-cancelled':
      return release(state, event.data);
    default:
      return unreachable(event);
  }
}

/**
 * Decides the orders in line, after pieces came back, came in, or were sold for good: whoever's turn it is gets its
 * pieces, and whoever waits for what can no longer come back is refused. One walk from the front suffices: a decision
 * changes nothing for those ahead of it.
 */
export function settle({ line, limits, ...state }: Omit<CatalogState, 'reservation'>): Decision[] {
  const products = new Map(state.products);
  const unpaid = new Map(state.unpaid);
  const ahead = new Ahead();
  const decisions: Decision[] = [];
  for (const order of line.values()) {
    const verdict = judge(order, { products, unpaid, limits, ahead });
    if (verdict.kind === 'waits') {
      ahead.add(order, verdict.reason);
      continue;
    }
    const decision = conclude(order, verdict, products);
    for (const product of decision.products) products.set(product.productId, product);
    noteUnpaid(unpaid, order, decision.reservation);
    decisions.push(decision);
  }
  return decisions;
}

/** Brings the users' unpaid pieces up to date with a change of one reservation. */
export function noteUnpaid(
  unpaid: Map<string, number>,
  before: Reservation | undefined,
  after: Reservation | undefined,
): void {
  for (const [reservation, sign] of [[before, -1] as const, [after, 1] as const]) {
    if (reservation?.status !== 'ACTIVE') continue;
    for (const { productId, quantity } of reservation.lines) {
      const key = unpaidKey(reservation.userId, productId);
      unpaid.set(key, (unpaid.get(key) ?? 0) + sign * quantity);
    }
  }
}

function begin(state: CatalogState, order: EventDataByType['order-created']): Decision {
  checkLines(order);
  const { products, unpaid, limits, line } = state;
  const { orderId, userId, couponId, expectedTotal } = order;
  const wants = order.lines.map(({ productId, quantity }) => ({ productId, quantity }));
  const waiting: WaitingReservation = {
    ...{ status: 'WAITING', orderId, userId, couponId, waited: false },
    ...{ wants, expectedTotal },
  };
  // Without a line before any of its products, nobody is ahead of it.
  const hasLine = ({ productId }: OrderedLine) => (products.get(productId)?.waiting ?? 0) > 0;
  const counter: Counter = {
    ...{ products, unpaid, limits },
    ahead: wants.some(hasLine) ? everybodyAhead(line, { products, unpaid, limits }) : new Ahead(),
  };
  const verdict = judge(waiting, counter);
  if (verdict.kind !== 'waits') return conclude(waiting, verdict, products);

  const full = fullLine(waiting, counter);
  if (full !== undefined) {
    const refused = { kind: 'refused', reason: 'TOO_MANY_WAITING', productId: full, totalAmount: null } as const;
    return conclude(waiting, refused, products);
  }
  const { reason, productId } = verdict;
  return {
    reservation: { ...waiting, waited: true },
    products: move(wants, products, (product) => ({ waiting: product.waiting + 1 })),
    events: [stockAwaited(waiting, reason, productId)],
  };
}

/** The end of an order's wait, or what a new order gets without waiting. */
function conclude(
  order: WaitingReservation,
  verdict: Exclude<Verdict, { kind: 'waits' }>,
  products: ReadonlyMap<number, ProductStock>,
): Decision {
  const { orderId, userId, couponId, waited } = order;
  const leaving = waited ? 1 : 0;
  if (verdict.kind === 'refused') {
    const { reason, productId, totalAmount } = verdict;
    return {
      reservation: { status: 'REJECTED', orderId, userId, couponId, waited, reason },
      products: waited ? move(order.wants, products, (product) => ({ waiting: product.waiting - 1 })) : [],
      events: [stockRejected({ orderId, userId, couponId, reason }, productId, totalAmount)],
    };
  }
  const { totalAmount } = verdict;
  const moved = move(order.wants, products, (product, quantity) => ({
    available: product.available - quantity,
    reserved: product.reserved + quantity,
    waiting: product.waiting - leaving,
  }));
  const lines = order.wants.map(({ productId, quantity }) => {
    const { name, price } = known(products, productId);
    return { productId, name, unitPrice: price, quantity };
  });
  return {
    reservation: { status: 'ACTIVE', orderId, userId, couponId, waited, lines, totalAmount },
    products: moved,
    events: [stockReserved({ orderId, userId, couponId, lines, totalAmount })],
  };
}

/** The event of a reservation that was made, whatever became of it since. */
export function stockReserved(it: Pick<HeldReservation, 'lines' | 'totalAmount'> & Omit<OfOrder, 'waited'>): NewEvent {
  const { orderId, userId, couponId, lines, totalAmount } = it;
  return { type: 'stock-reserved', data: { orderId, userId, couponId, lines, totalAmount } };
}

/** The event of an order that waits, for this product at first. Its lines are null where no row tells them. */
export function stockAwaited(
  order: Omit<OfOrder, 'waited'> & Partial<Pick<WaitingReservation, 'wants' | 'expectedTotal'>>,
  reason: string,
  productId: number,
): NewEvent {
  const { orderId, userId, couponId, wants: lines = null, expectedTotal = null } = order;
  return { type: 'stock-awaited', data: { orderId, userId, reason, productId, couponId, lines, expectedTotal } };
}

/** The event of a reservation that was refused, with the product or the total that stood in its way. */
export function stockRejected(
  { orderId, userId, couponId, reason }: Omit<EmptyReservation, 'status' | 'waited'>,
  productId: number | null,
  totalAmount: number | null,
): NewEvent {
  return { type: 'stock-rejected', data: { orderId, userId, reason, productId, totalAmount, couponId } };
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
    case 'WAITING':
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
      return voided({ orderId, userId, couponId, waited: false }, reason);
    case 'WAITING':
      return {
        ...voided({ orderId, userId, couponId, waited: true }, reason),
        products: move(reservation.wants, products, (product) => ({ waiting: product.waiting - 1 })),
      };
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

function voided(order: OfOrder, reason: string): Decision {
  return { reservation: { status: 'VOID', ...order, reason }, products: [], events: [] };
}

function move(
  lines: readonly OrderedLine[],
  products: ReadonlyMap<number, ProductStock>,
  change: (product: ProductStock, quantity: number) => Partial<ProductStock>,
): ProductStock[] {
  return lines.map(({ productId, quantity }) => {
    const product = known(products, productId);
    return { ...product, ...change(product, quantity) };
  });
}

function known(products: ReadonlyMap<number, ProductStock>, productId: number): ProductStock {
  const product = products.get(productId);
  if (!product) throw new Error(`product ${productId} is reserved but does not exist`);
  return product;
}

/** The contract gives each product once, in whole pieces; other lines would move stock wrongly. */
function checkLines({ orderId, lines }: EventDataByType['order-created']): void {
  const distinct = new Set(lines.map((line) => line.productId)).size;
  const whole = lines.every((line) => Number.isSafeInteger(line.quantity) && line.quantity > 0);
  if (lines.length === 0 || distinct !== lines.length || !whole) {
    throw new Error(`order ${orderId} has impossible lines: ${JSON.stringify(lines)}`);
  }
}
