import { deriveEventId, type EventType } from '@shop/events';
import { acceptedAt } from '../../services/coupon/src/domain/coupon.ts';
import { CLOCKS_DIFFER_MS } from '../../services/coupon/src/domain/redemption.ts';
import type { CompletedOrder, Order } from '../../services/order/src/domain/order.ts';
import { issueViolations } from './invariants-coupons.ts';
import { endViolations } from './invariants-ends.ts';
import type { Table } from './memory-database.ts';
import type { LoggedEvent, ShopAtRest } from './shop-at-rest.ts';
import { NEVER_OVER, ORDER_DEADLINE_MS, START, type World } from './world.ts';
import { expectedDiscount } from './worth.ts';

/** Most that an instance's clock, compared with its database's, may be wrong, ms. */
const CLOCK_ERROR_MS = 100;

/** Checks the invariants of the architecture (by their number). Gives a sentence for each violation. */
export function findViolations(shop: ShopAtRest): string[] {
  const checks = [
    stockIsConserved,
    lineIsFair,
    saleIsAsWanted,
    pointsAreConserved,
    oneCaptureAndOneRefund,
    ordersAgree,
    couponsAgree,
    couponsAreNeverLost,
    issueViolations,
    endViolations,
    ordersAreAsWanted,
    stepsNameTheHistory,
    eventsMatchRows,
    eventsAreHandledInOrder,
    keysHadOneEffect,
    nothingIsLeftOver,
  ];
  return checks.flatMap((check) => [...check(shop)]);
}

const rowsOf = <Row>(table: Table<Row>): Row[] => [...table.committed.values()];
const sum = (numbers: Iterable<number>): number => [...numbers].reduce((total, number) => total + number, 0);

/** Commands of a kind, each key once: repeats of a request are one wish. */
function wanted<Kind extends World['commands'][number]['kind']>({ world }: ShopAtRest, kind: Kind) {
  type Wanted = Extract<World['commands'][number], { kind: Kind }>;
  const byKey = new Map<string, Wanted>();
  for (const command of world.commands) if (command.kind === kind) byKey.set(command.key, command as Wanted);
  return [...byKey.values()];
}

function* stockIsConserved(shop: ShopAtRest): Iterable<string> {
  const reservations = rowsOf(shop.catalog.reservations);
  const held = (status: string, productId: number): number =>
    sum(
      reservations.flatMap((it) =>
        it.status === status && 'lines' in it
          ? it.lines.filter((line) => line.productId === productId).map((line) => line.quantity)
          : [],
      ),
    );
  for (const product of rowsOf(shop.catalog.products)) {
    const { productId, available, reserved, sold } = product;
    const initial = shop.world.products.find((it) => it.productId === productId)?.stock ?? 0;
    const restocked = sum(
      wanted(shop, 'restock')
        .filter((it) => it.productId === productId)
        .map((it) => it.quantity),
    );
    const isDone = (key: string): boolean => shop.answers.some((it) => it.key === key && it.isTakenBack === true);
    const takenBack = sum(
      wanted(shop, 'take-back')
        .filter((it) => it.productId === productId && isDone(it.key))
        .map((it) => it.quantity),
    );
    const counts = `available ${available}, reserved ${reserved}, sold ${sold}`;
    if (available < 0 || reserved < 0 || sold < 0) yield `1: product ${productId} is below zero: ${counts}`;
    if (initial + restocked - takenBack !== available + reserved + sold) {
      yield `1: product ${productId} began with ${initial}, got ${restocked}, gave back ${takenBack}, and has ${counts}`;
    }
    if (reserved !== held('ACTIVE', productId) || sold !== held('SOLD', productId)) {
      yield `1: product ${productId} has ${counts}, its reservations hold ${held('ACTIVE', productId)} and ${held('SOLD', productId)}`;
    }
  }
}

/** Nobody waits for ever, is overtaken, or is told "sold out" while pieces are only held. */
function* lineIsFair(shop: ShopAtRest): Iterable<string> {
  const { waiting, products, faults } = shop.catalog;
  if (waiting.committed.size > 0) yield `1: ${waiting.committed.size} orders still wait for stock`;
  for (const it of rowsOf(products))
    if (it.waiting !== 0) yield `1: product ${it.productId} counts ${it.waiting} orders that wait, there is none`;
  for (const fault of rowsOf(faults)) {
    if (fault.kind === 'broken') {
      yield `1: ${fault.sentence}`;
      continue;
    }
    const order = shop.order.orders.committed.get(fault.orderId);
    const refunded = fault.released.flatMap((orderId) => {
      const released = shop.order.orders.committed.get(orderId);
      return released && released.status !== 'PENDING' && released.completedAt ? released.lines : [];
    });
    const isShort = order?.lines.some(
      ({ productId, quantity }) =>
        (fault.couldCome.get(productId) ?? 0) < quantity || refunded.some((it) => it.productId === productId),
    );
    if (order && !isShort) yield `1: order ${fault.orderId} was told that it is sold out while pieces were only held`;
  }
}

/** A product is on sale as its last change left it, and only an order of one that was withdrawn is told so. */
function* saleIsAsWanted(shop: ShopAtRest): Iterable<string> {
  const changes = rowsOf(shop.catalog.changes);
  for (const { productId, onSale, version } of rowsOf(shop.catalog.products)) {
    const last = changes.find((it) => it.productId === productId && it.version === version);
    const isWanted = last?.onSale ?? true;
    if (onSale !== isWanted) yield `1: product ${productId} has onSale ${onSale}, its last change left ${isWanted}`;
  }
  for (const { productId } of shop.world.products) {
    const own = changes.filter((it) => it.productId === productId).sort((a, b) => a.version - b.version);
    for (const onSale of [false, true]) {
      const wishes = wanted(shop, 'sale').filter((it) => it.productId === productId && it.onSale === onSale).length;
      const turns = own.filter((it, index) => it.onSale === onSale && (own[index - 1]?.onSale ?? true) !== onSale);
      if (turns.length > wishes) yield `1: product ${productId} became onSale ${onSale} although nobody asked for it`;
      if (wishes > 0 && own.every((it) => it.onSale !== onSale)) {
        yield `1: product ${productId} was never left with onSale ${onSale}`;
      }
    }
  }
  const withdrawn = new Set(wanted(shop, 'sale').flatMap((it) => (it.onSale ? [] : [it.productId])));
  for (const order of rowsOf(shop.order.orders)) {
    if (order.status !== 'CANCELLED' || order.reason !== 'PRODUCT_WITHDRAWN') continue;
    if (!order.lines.some(({ productId }) => withdrawn.has(productId))) {
      yield `1: order ${order.orderId} was told that a product is withdrawn, but none of its products was`;
    }
  }
}

function* pointsAreConserved(shop: ShopAtRest): Iterable<string> {
  const history = rowsOf(shop.payment.history);
  const userIds = new Set([...shop.world.accounts, ...wanted(shop, 'charge')].map((it) => it.userId));
  const payments = rowsOf(shop.payment.payments);
  for (const userId of userIds) {
    const balance = shop.payment.accounts.committed.get(String(userId))?.balance ?? 0;
    const initial = shop.world.accounts.find((it) => it.userId === userId)?.balance ?? 0;
    const charged = sum(
      wanted(shop, 'charge')
        .filter((it) => it.userId === userId)
        .map((it) => it.amount),
    );
    const paid = sum(payments.map((it) => (it.userId === userId && it.status === 'COMPLETED' ? it.paidAmount : 0)));
    const moves = history.filter((it) => it.userId === userId);
    const moved = sum(moves.map((it) => (it.type === 'USE' ? -it.amount : it.amount)));
    if (balance < 0) yield `2: user ${userId} has ${balance} points`;
    if (balance !== initial + moved)
      yield `2: user ${userId} has ${balance} points, the history says ${initial + moved}`;
    if (balance !== initial + charged - paid) {
      yield `2: user ${userId} has ${balance} points, had ${initial}, charged ${charged} and has paid ${paid}`;
    }
    const last = moves.sort((a, b) => a.id - b.id).at(-1);
    if (last && last.balanceAfter !== balance) yield `2: user ${userId} ends at ${last.balanceAfter}, not ${balance}`;
  }
}

function* oneCaptureAndOneRefund(shop: ShopAtRest): Iterable<string> {
  const byOrder = Map.groupBy(
    rowsOf(shop.payment.history).filter((it) => it.orderId !== null),
    (it) => it.orderId,
  );
  for (const [orderId, moves] of byOrder) {
    const captures = moves.filter((it) => it.type === 'USE').length;
    const refunds = moves.filter((it) => it.type === 'REFUND').length;
    if (captures > 1 || refunds > 1) yield `3: order ${orderId} was captured ${captures} and refunded ${refunds} times`;
  }
}

function* ordersAgree(shop: ShopAtRest): Iterable<string> {
  for (const order of rowsOf(shop.order.orders)) {
    const reservation = shop.catalog.reservations.committed.get(order.orderId);
    const payment = shop.payment.payments.committed.get(order.orderId);
    const state = `order ${order.orderId} is ${order.status}, reservation ${reservation?.status}, payment ${payment?.status}`;
    if (order.status === 'PENDING') yield `6: ${state}`;
    if (order.status === 'COMPLETED') {
      const { totalAmount } = order.reservation;
      const discount = discountOf(shop, order);
      const paidInFull =
        payment?.status === 'COMPLETED' &&
        payment.discountAmount === discount &&
        payment.paidAmount === totalAmount - discount;
      if (reservation?.status !== 'SOLD' || !paidInFull) yield `4: ${state}`;
    }
    if (order.status === 'CANCELLED') {
      if (['WAITING', 'ACTIVE', 'SOLD'].includes(reservation?.status ?? '')) yield `5: ${state}`;
      if (payment?.status === 'COMPLETED') yield `5: ${state}`;
      if ((payment?.status === 'REFUNDED') !== (order.refundedAt !== null))
        yield `5: ${state}, refunded ${order.refundedAt}`;
      // Every participant has consumed the order's events in the end, so it has a row.
      if (!reservation || !payment) yield `5: ${state}`;
    }
  }
  const participants = [shop.catalog.reservations, shop.coupon.redemptions, shop.payment.payments];
  for (const { orderId } of participants.flatMap((table) => rowsOf<{ readonly orderId: string }>(table))) {
    if (!shop.order.orders.committed.has(orderId))
      yield `6: a reservation, redemption or payment for ${orderId}, which is no order`;
  }
}

/** The discount of the order's coupon: its worth, but no more than the total. */
function discountOf({ world }: ShopAtRest, order: CompletedOrder): number {
  const coupon = world.coupons.find((it) => it.couponId === order.couponId);
  return expectedDiscount(coupon?.discount, order.reservation.totalAmount);
}

function* couponsAgree(shop: ShopAtRest): Iterable<string> {
  const coupons = rowsOf(shop.coupon.coupons);
  for (const order of rowsOf(shop.order.orders)) {
    const { orderId, couponId } = order;
    const redemption = shop.coupon.redemptions.committed.get(orderId);
    const used = coupons.filter((it) => it.status === 'USED' && it.orderId === orderId);
    const state = `order ${orderId} is ${order.status}, redemption ${redemption?.status}, uses ${used.length} coupons`;
    if (couponId === null) {
      if (redemption || used.length > 0) yield `5: ${state}, but names none`;
    } else if (order.status === 'COMPLETED') {
      const [coupon] = used;
      const isItsOwn = coupon?.couponId === couponId && coupon.userId === order.userId;
      const isUsed = used.length === 1 && isItsOwn && redemption?.status === 'REDEEMED';
      const isSpared = used.length === 0 && redemption?.status === 'SPARED';
      if (discountOf(shop, order) > 0 ? !isUsed : !isSpared) yield `4: ${state}, discount ${discountOf(shop, order)}`;
    } else if (order.status === 'CANCELLED') {
      if (used.length > 0) yield `5: ${state}`;
      // Coupon has consumed every order with a coupon in the end, so it has a row.
      if (!redemption || redemption.status === 'REDEEMED') yield `5: ${state}`;
    }
  }
}

/** Every coupon is used by the one order that redeemed it, or is usable, has expired or was revoked. */
function* couponsAreNeverLost(shop: ShopAtRest): Iterable<string> {
  const rows = shop.coupon.coupons.committed;
  const issued = rowsOf(shop.coupon.policies).reduce((all, policy) => all + policy.issuedCount, 0);
  if (rows.size !== issued) yield `7: ${issued} coupons were issued, there are ${rows.size}`;
  const redeemed = rowsOf(shop.coupon.redemptions).filter((it) => it.status === 'REDEEMED');
  for (const seed of shop.world.coupons) {
    const coupon = rows.get(seed.couponId);
    const orders = redeemed.filter((it) => it.couponId === seed.couponId).map((it) => it.orderId);
    const what = `coupon ${seed.couponId} is ${coupon?.status}, redeemed by ${orders.length} orders`;
    if (coupon?.status === 'USED') {
      const order = shop.order.orders.committed.get(coupon.orderId);
      if (order?.status !== 'COMPLETED') yield `7: ${what}, used by one that is ${order?.status}`;
      if (orders.length !== 1 || orders[0] !== coupon.orderId) yield `7: ${what}`;
      // An order may be looked at much later than it was placed.
      if (order && timeOfOrder(order) >= seed.expiresAt + CLOCKS_DIFFER_MS) yield `7: ${what}, placed after its time`;
    } else {
      if (orders.length > 0) yield `7: ${what}`;
      if (coupon?.status === 'EXPIRED' && seed.expiresAt === NEVER_OVER) yield `7: ${what} before its time`;
    }
  }
}

/** Outcomes that the world rules out, regardless of its weather. */
function* ordersAreAsWanted(shop: ShopAtRest): Iterable<string> {
  const cancels = new Set(wanted(shop, 'cancel').map((command) => command.order));
  const orderIds = new Map(shop.answers.map((answer) => [answer.key, answer.orderId]));
  for (const command of wanted(shop, 'place')) {
    const order = shop.order.orders.committed.get(orderIds.get(command.key) ?? '');
    if (!order) {
      yield `6: ${command.key} was accepted as ${orderIds.get(command.key)}, which is not there`;
      continue;
    }
    const total = sum(
      command.lines.map(({ productId, quantity }) => {
        const product = shop.world.products.find((it) => it.productId === productId);
        return product ? product.price * quantity : Number.NaN;
      }),
    );
    const asShown = command.expectedTotal === null || command.expectedTotal === total;
    if (order.status === 'COMPLETED') {
      if (!asShown || order.reservation.totalAmount !== total) {
        yield `4: ${command.key} completed at ${order.reservation.totalAmount}, its total is ${total}, expected was ${command.expectedTotal}`;
      }
      if (cancels.has(command.order)) yield `5: ${command.key} was cancelled by its user and is COMPLETED`;
    }
    yield* reasonFits(command.key, order, cancels.has(command.order));
    yield* deadlineFits(shop, command.key, order);
    yield* couponReasonFits(shop, command, order);
  }
}

/** However wrong the clocks of the instances are, an order has all the time of its deadline. */
function* deadlineFits(shop: ShopAtRest, key: string, order: Order): Iterable<string> {
  if (order.status !== 'CANCELLED' || order.reason !== 'ORDER_DEADLINE_EXCEEDED') return;
  // The memory's hook of a commit may be lost with its process.
  const endedAt = shop.order.endedAt.get(order.orderId);
  const livedMs = endedAt === undefined ? undefined : endedAt - START - timeOfOrder(order);
  if (livedMs !== undefined && livedMs < ORDER_DEADLINE_MS - CLOCK_ERROR_MS)
    yield `6: ${key} was ended by its deadline after ${Math.round(livedMs)} ms`;
}

/** When an order was placed, ms after the start: its id tells. */
function timeOfOrder({ orderId }: Pick<Order, 'orderId'>): number {
  return acceptedAt(orderId).getTime() - START;
}

function* reasonFits(key: string, order: Order, cancelled: boolean): Iterable<string> {
  if (order.status !== 'CANCELLED') return;
  if (order.reason === 'ORDER_CANCELLED' && !cancelled) yield `5: ${key} ended as cancelled by its user, who did not`;
  if (order.completedAt && order.reason !== 'ORDER_CANCELLED')
    yield `5: ${key} had completed and ended as ${order.reason}`;
}

/** The result of a coupon that does not fit its order, and the possible results of one that fits. */
function* couponReasonFits(
  { world }: ShopAtRest,
  { key, userId, couponId }: { key: string; userId: number; couponId: string | null },
  order: Order,
): Iterable<string> {
  const coupon = world.coupons.find((it) => it.couponId === couponId && it.userId === userId);
  const others = world.commands.some((it) => it.kind === 'place' && it.couponId === couponId && it.key !== key);
  const reason = order.status === 'CANCELLED' ? order.reason : order.status;
  const wrong: Record<string, boolean> = {
    COMPLETED: couponId !== null && (!coupon || timeOfOrder(order) >= coupon.expiresAt + CLOCKS_DIFFER_MS),
    COUPON_NOT_FOUND: couponId === null || coupon !== undefined,
    COUPON_ALREADY_USED: !coupon || !others,
    COUPON_EXPIRED: !coupon || timeOfOrder(order) < coupon.expiresAt + CLOCKS_DIFFER_MS,
    COUPON_REVOKED: !world.commands.some(
      (it) => it.kind === 'end' && it.revoke && it.couponPolicyId === coupon?.couponPolicyId,
    ),
  };
  if (wrong[reason]) yield `4: ${key} with coupon ${couponId} ended as ${reason}`;
}

function* eventsMatchRows(shop: ShopAtRest): Iterable<string> {
  const first = new Map<string, LoggedEvent>();
  for (const event of shop.log) if (!first.has(event.id)) first.set(event.id, event);
  const logged = Map.groupBy([...first.values()], (event) => event.key);
  for (const order of rowsOf(shop.order.orders)) {
    const events = logged.get(order.orderId) ?? [];
    const implied = new Set<string>(impliedEvents(shop, order));
    for (const type of implied) {
      if (!events.some((event) => event.type === type)) yield `8: ${type} of order ${order.orderId} is on no topic`;
    }
    for (const { type, id } of events) {
      if (id !== deriveEventId(order.orderId, type)) yield `8: ${type} of order ${order.orderId} has the id ${id}`;
      if (!implied.has(type)) yield `8: ${type} of order ${order.orderId} is on its topic without its row`;
    }
    const place = (type: EventType) => events.findIndex((event) => event.type === type);
    for (const [earlier, later] of IN_COMMIT_ORDER) {
      if (place(later) >= 0 && place(earlier) > place(later)) {
        yield `8: ${later} of order ${order.orderId} stands before its ${earlier}`;
      }
    }
  }
  for (const key of logged.keys()) {
    const isOrder = key.includes('-');
    if (isOrder && !shop.order.orders.committed.has(key)) yield `8: events of ${key}, which is no order`;
  }
}

const IN_COMMIT_ORDER: readonly (readonly [EventType, EventType])[] = [
  ['order-created', 'order-completed'],
  ['order-created', 'order-cancelled'],
  ['order-completed', 'order-cancelled'],
  ['payment-completed', 'payment-refunded'],
  ['stock-awaited', 'stock-reserved'],
  ['stock-awaited', 'stock-rejected'],
];

function impliedEvents(shop: ShopAtRest, order: Order): EventType[] {
  const reservation = shop.catalog.reservations.committed.get(order.orderId);
  const redemption = shop.coupon.redemptions.committed.get(order.orderId);
  const payment = shop.payment.payments.committed.get(order.orderId);
  const implied: EventType[] = ['order-created'];
  if (order.status !== 'PENDING' && order.completedAt) implied.push('order-completed');
  if (order.status === 'CANCELLED') implied.push('order-cancelled');
  if (reservation?.waited) implied.push('stock-awaited');
  if (reservation?.status === 'REJECTED') implied.push('stock-rejected');
  else if (reservation && 'lines' in reservation) implied.push('stock-reserved');
  if (redemption?.status === 'REJECTED') implied.push('coupon-rejected');
  else if (redemption && redemption.status !== 'VOID') implied.push('coupon-redeemed');
  if (payment?.status === 'FAILED') implied.push('payment-failed');
  else if (payment && payment.status !== 'VOID') implied.push('payment-completed');
  if (payment?.status === 'REFUNDED') implied.push('payment-refunded');
  return implied;
}

/** Each group handles each event once, and a key's events of one topic in the order of the log. */
function* eventsAreHandledInOrder(shop: ShopAtRest): Iterable<string> {
  const places = new Map<string, number>();
  // A request on the log and its coupon's event have the same id, on different topics.
  const nameOf = ({ topic, id }: { readonly topic: string; readonly id: string }) => `${topic} ${id}`;
  for (const [place, event] of shop.log.entries()) if (!places.has(nameOf(event))) places.set(nameOf(event), place);
  for (const [service, tables] of Object.entries(shop.messaging)) {
    // Rows of a table are in the order of their commits.
    const handled = rowsOf(tables.handled);
    if (new Set(handled.map(nameOf)).size !== handled.length) yield `12: ${service} handled an event twice`;
    for (const [line, events] of Map.groupBy(handled, (it) => `${it.topic} ${it.key}`)) {
      const order = events.map((it) => places.get(nameOf(it)) ?? Number.NaN);
      const inOrder = order.every((place, index) => index === 0 || place > (order[index - 1] ?? 0));
      if (!inOrder) yield `9: ${service} handled ${events.map((it) => it.type).join(', ')} of ${line} in this order`;
    }
  }
}

/** The list in an order's row is what its events tell: a restored schema puts the history together by it. */
function* stepsNameTheHistory(shop: ShopAtRest): Iterable<string> {
  const histories = Map.groupBy(rowsOf(shop.order.history), (row) => row.orderId);
  for (const { orderId, steps, version } of rowsOf(shop.order.orders)) {
    const history = (histories.get(orderId) ?? []).toSorted((a, b) => a.seq - b.seq);
    const types = history.map(({ type }) => type).join(', ');
    if (types !== steps?.join(', ') || history.at(-1)?.seq !== version)
      yield `12: order ${orderId} names the steps ${steps?.join(', ')}, its history has ${types}`;
  }
}

function* keysHadOneEffect(shop: ShopAtRest): Iterable<string> {
  const byKey = Map.groupBy(
    shop.answers.filter((answer) => answer.orderId !== undefined),
    (answer) => answer.key,
  );
  for (const [key, answers] of byKey) {
    const ids = new Set(answers.map((answer) => answer.orderId));
    if (ids.size > 1) yield `12: ${key} was answered with ${ids.size} orders`;
  }
  const placed = wanted(shop, 'place').length;
  const orders = shop.order.orders.committed.size;
  if (orders !== placed) yield `12: ${placed} orders were wanted, there are ${orders}`;
  const charges = rowsOf(shop.payment.history).filter((it) => it.type === 'CHARGE').length;
  if (charges !== wanted(shop, 'charge').length)
    yield `12: ${wanted(shop, 'charge').length} charges, ${charges} entries`;
}

function* nothingIsLeftOver(shop: ShopAtRest): Iterable<string> {
  const failing = new Set(shop.world.weather.failpoints.map((failpoint) => failpoint.group as string));
  for (const [service, tables] of Object.entries(shop.messaging)) {
    if (tables.outbox.committed.size > 0) yield `8: ${tables.outbox.committed.size} rows in the outbox of ${service}`;
    if (tables.parkedKeys.committed.size > 0) yield `9: ${tables.parkedKeys.committed.size} parked keys in ${service}`;
    for (const letter of rowsOf(tables.deadLetters)) {
      const what = `${letter.eventType} of ${letter.record.key} in ${service}`;
      if (letter.status !== 'REDRIVEN' && letter.status !== 'DISCARDED') yield `9: ${what} is ${letter.status}`;
      if (!failing.has(service)) yield `9: ${what} was dead-lettered: ${letter.error}`;
    }
  }
}
