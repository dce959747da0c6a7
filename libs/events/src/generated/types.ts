// Generated from schemas/*.avsc by `npm run generate`. Do not edit.

/** One line of the order. */
export interface OrderCancelledLine {
  /** The product. */
  readonly productId: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** The order is dead; every participant undoes its own part. The one trigger of every compensation. */
export interface OrderCancelled {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon the order names (UUIDv7); null when it names none. */
  readonly couponId: null | string;
  /** Stable code: OUT_OF_STOCK, PRODUCT_NOT_FOUND, PRICE_CHANGED, INSUFFICIENT_BALANCE, ORDER_DEADLINE_EXCEEDED, ORDER_CANCELLED (by the user), or a later addition. */
  readonly reason: string;
  /** True when the order had completed before, so that this is a refund. */
  readonly wasCompleted: boolean;
  /** When it had completed, milliseconds since the epoch, UTC; null if it never did. */
  readonly completedAt: null | number;
  /** The lines the order had. */
  readonly lines: readonly OrderCancelledLine[];
}

/** One line of the order. */
export interface OrderCompletedLine {
  /** The product. */
  readonly productId: number;
  /** The product's name when it was reserved. */
  readonly name: string;
  /** Price of one piece in won, fixed at reservation. */
  readonly unitPrice: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** The order has its stock reserved and its payment captured. */
export interface OrderCompleted {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon the order names (UUIDv7); null when it names none. */
  readonly couponId: null | string;
  /** The lines bought, with the prices paid. */
  readonly lines: readonly OrderCompletedLine[];
  /** Sum of the lines in won. */
  readonly totalAmount: number;
  /** What the coupon took off, in won. */
  readonly discountAmount: number;
  /** What was paid in points (won): total less discount. */
  readonly paidAmount: number;
  /** When the order completed, milliseconds since the epoch, UTC. */
  readonly completedAt: number;
}

/** One line of the order. */
export interface OrderCreatedLine {
  /** The product. */
  readonly productId: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** An order was accepted and waits for stock and payment. */
export interface OrderCreated {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon the order names (UUIDv7); null when it names none. */
  readonly couponId: null | string;
  /** The lines wanted, each product once. */
  readonly lines: readonly OrderCreatedLine[];
  /** The total in won that the client showed; null when it showed none. */
  readonly expectedTotal: null | number;
}

/** The points for the order were taken. */
export interface PaymentCompleted {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Points taken in won; 0 is a payment too. */
  readonly paidAmount: number;
  /** What the coupon took off, in won. */
  readonly discountAmount: number;
  /** The balance of the account afterwards, in won. */
  readonly balanceAfter: number;
}

/** The points for the order could not be taken; nothing was. */
export interface PaymentFailed {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Stable code: INSUFFICIENT_BALANCE, or a later addition. */
  readonly reason: string;
  /** What was to be paid, in won. */
  readonly payableAmount: number;
  /** What the account held, in won. */
  readonly balance: number;
}

/** The points of the order were given back. */
export interface PaymentRefunded {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Points given back, in won. */
  readonly amount: number;
  /** The balance of the account afterwards, in won. */
  readonly balanceAfter: number;
}

/** A user charged points; carries all that is needed to apply it again. */
export interface PointsCharged {
  /** The user, also the message key (as text). */
  readonly userId: number;
  /** Points charged, in won. */
  readonly amount: number;
  /** The balance afterwards, in won. */
  readonly balanceAfter: number;
  /** When, milliseconds since the epoch, UTC. */
  readonly chargedAt: number;
  /** The random id of the request, stored with the effect; also the event id. */
  readonly requestId: string;
  /** The Idempotency-Key of the request, if it had one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
}

/** A product was created or changed by an operator; carries all that is needed to apply it again. */
export interface ProductChanged {
  /** The product, also the message key (as text). */
  readonly productId: number;
  /** CREATED or UPDATED. */
  readonly change: string;
  /** Its name afterwards. */
  readonly name: string;
  /** Its price in won afterwards. */
  readonly price: number;
  /** Pieces added to the available stock: the initial stock or a restock. */
  readonly stockDelta: number;
  /** The version of the product row afterwards. */
  readonly version: number;
  /** The random id of the request, stored with the effect; also the event id. */
  readonly requestId: string;
  /** The Idempotency-Key of the request, if it had one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
}

/** No line of the order was reserved. */
export interface StockRejected {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Stable code: OUT_OF_STOCK, PRODUCT_NOT_FOUND, PRICE_CHANGED, or a later addition. */
  readonly reason: string;
  /** The product that stood in the way; null for PRICE_CHANGED. */
  readonly productId: null | number;
  /** The actual total in won, for PRICE_CHANGED. */
  readonly totalAmount: null | number;
}

/** One line of the order. */
export interface StockReservedLine {
  /** The product. */
  readonly productId: number;
  /** The product's name when it was reserved. */
  readonly name: string;
  /** Price of one piece in won, fixed at reservation. */
  readonly unitPrice: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** Every line of the order is reserved at the prices given. */
export interface StockReserved {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon the order names (UUIDv7); null when it names none. */
  readonly couponId: null | string;
  /** The lines reserved. */
  readonly lines: readonly StockReservedLine[];
  /** Sum of unit price times quantity, in won. */
  readonly totalAmount: number;
}

/** Event type → its data. */
export interface EventDataByType {
  readonly 'order-cancelled': OrderCancelled;
  readonly 'order-completed': OrderCompleted;
  readonly 'order-created': OrderCreated;
  readonly 'payment-completed': PaymentCompleted;
  readonly 'payment-failed': PaymentFailed;
  readonly 'payment-refunded': PaymentRefunded;
  readonly 'points-charged': PointsCharged;
  readonly 'product-changed': ProductChanged;
  readonly 'stock-rejected': StockRejected;
  readonly 'stock-reserved': StockReserved;
}
