// Generated from schemas/*.avsc by `npm run generate`. Do not edit.

/** A user asks for a coupon and does not wait: the order of these on the log is the order of issue. */
export interface CouponIssueRequested {
  /** The policy, also the message key (as text). */
  readonly couponPolicyId: number;
  /** The request (UUIDv7), where its outcome is looked up; also the event id, and the coupon's id if it gets one. */
  readonly requestId: string;
  /** Who asks. */
  readonly userId: number;
  /** When it was accepted, milliseconds since the epoch, UTC. */
  readonly requestedAt: number;
}

/** A user got a coupon of a policy; carries all that is needed to apply it again. */
export interface CouponIssued {
  /** The policy, also the message key (as text). */
  readonly couponPolicyId: number;
  /** The coupon (UUIDv7): the id of the request that took it, and of this event. */
  readonly couponId: string;
  /** Whose it is. */
  readonly userId: number;
  /** What it is worth, in won. */
  readonly discountAmount: number;
  /** When, milliseconds since the epoch, UTC. */
  readonly issuedAt: number;
  /** Until when it can be used (exclusive). */
  readonly expiresAt: number;
  /** It came by a request on the log (coupon-issue-requested), not by one that was answered at once. */
  readonly byRequest: boolean;
}

/** An operator created a coupon policy; carries all that is needed to apply it again. */
export interface CouponPolicyCreated {
  /** The policy, also the message key (as text). */
  readonly couponPolicyId: number;
  /** Its name. */
  readonly name: string;
  /** What each coupon is worth, in won. */
  readonly discountAmount: number;
  /** How many coupons there are. */
  readonly totalQuantity: number;
  /** Days a coupon is valid, from the moment of its issue. */
  readonly validDays: number;
  /** From when coupons are issued, milliseconds since the epoch, UTC; null: at once. */
  readonly startsAt: null | number;
  /** Until when (exclusive); null: until they are gone. */
  readonly endsAt: null | number;
  /** When, milliseconds since the epoch, UTC. */
  readonly createdAt: number;
  /** The random id of the request, stored with the effect; also the event id. */
  readonly requestId: string;
  /** The Idempotency-Key of the request, if it had one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
}

/** An operator ended a coupon policy: no coupon of it is issued after this. With revoke, its unused coupons are revoked too: whoever counts them as usable counts them no more, without an event for each. */
export interface CouponPolicyEnded {
  /** The policy, also the message key (as text). */
  readonly couponPolicyId: number;
  /** True: coupons that no order uses are REVOKED, and a used one is when its order is cancelled. A policy that was ended without it may be followed by a second event with it. */
  readonly revoke: boolean;
  /** Why, in the operator's words. */
  readonly reason: string;
  /** How many coupons had been issued; there will be no more. */
  readonly issuedCount: number;
  /** When, milliseconds since the epoch, UTC. */
  readonly endedAt: number;
  /** The random id of the request, stored with the effect; also the event id. */
  readonly requestId: string;
}

/** The coupon of the order is now used by it (ISSUED → USED), or was spared since it takes nothing off, and what is left to pay is known. */
export interface CouponRedeemed {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon (UUIDv7). */
  readonly couponId: string;
  /** The order's total at the reserved prices, in won. */
  readonly totalAmount: number;
  /** What the coupon pays, in won: its worth, but never more than the total. 0: it takes nothing off; it was not used, and stays with its user. */
  readonly discountAmount: number;
  /** What is left to pay in points, in won: total − discount. */
  readonly payableAmount: number;
  /** When the coupon was used or spared, milliseconds since the epoch, UTC; null: published before this was told. */
  readonly redeemedAt: null | number;
}

/** The coupon that the order names cannot be used for it; nothing was changed. */
export interface CouponRejected {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The coupon as the order names it. */
  readonly couponId: string;
  /** COUPON_NOT_FOUND (unknown, or another user's), COUPON_ALREADY_USED, COUPON_EXPIRED or COUPON_REVOKED. */
  readonly reason: string;
}

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
  /** The types of the events in the order's history before this one, in their order: what it had published and heard. Null in events of orders that are older than the field. */
  readonly steps: null | readonly string[];
  /** The random id of the request that cancelled it with a key; null otherwise. */
  readonly requestId: null | string;
  /** The Idempotency-Key of the cancelling request, if there was one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
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
  /** The types of the events in the order's history before this one, in their order: what it had published and heard. Null in events of orders that are older than the field. */
  readonly steps: null | readonly string[];
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
  /** When it was accepted, milliseconds since the epoch, UTC; null in events that are older than the field. */
  readonly createdAt: null | number;
  /** The Idempotency-Key of the request, if it had one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
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
  /** Pieces added to the available stock (the initial stock or a restock), or taken back from it: then it is negative. */
  readonly stockDelta: number;
  /** The version of the product row afterwards. */
  readonly version: number;
  /** The random id of the request, stored with the effect; also the event id. */
  readonly requestId: string;
  /** The Idempotency-Key of the request, if it had one. */
  readonly idempotencyKey: null | string;
  /** SHA-256 (hex) of the canonical request body, when there is a key. */
  readonly requestHash: null | string;
  /** Whether it is on sale afterwards; false: it was withdrawn and takes no orders. Null in changes that are older than the field. */
  readonly onSale: null | boolean;
  /** Pieces that can be ordered afterwards; a repeat of the request is answered with them. Null in changes that are older than the field. */
  readonly available: null | number;
}

/** The order was taken back after its shipment was requested: nothing may be sent, or the parcel has to come back. */
export interface ShipmentCancelled {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Why the order was cancelled: the reason of its order-cancelled. */
  readonly reason: string;
}

/** One line of the order. */
export interface ShipmentRequestedLine {
  /** The product. */
  readonly productId: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** The order is complete: its parcel is to be packed and sent. */
export interface ShipmentRequested {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** The lines of the parcel. */
  readonly lines: readonly ShipmentRequestedLine[];
}

/** One line of the order. */
export interface StockAwaitedLine {
  /** The product. */
  readonly productId: number;
  /** Pieces, 1 to 1,000. */
  readonly quantity: number;
}

/** The order waits in line for pieces that other orders hold and have not paid; stock-reserved or stock-rejected follows, unless the order is cancelled first. */
export interface StockAwaited {
  /** The order: a UUIDv7, also the message key. */
  readonly orderId: string;
  /** The user who ordered. */
  readonly userId: number;
  /** Stable code: PIECES_HELD (by orders of others, or wanted by those ahead in line), UNPAID_LIMIT (the user's own unpaid orders hold as many as one user may), or a later addition. */
  readonly reason: string;
  /** The first product of which there were too few pieces to be had. */
  readonly productId: number;
  /** The coupon the order names (UUIDv7); null when it names none, and in events that are older than the field. */
  readonly couponId: null | string;
  /** The lines wanted. Null in events that are older than the field, and in those made again from rows. */
  readonly lines: null | readonly StockAwaitedLine[];
  /** The total in won that the client showed; null when it showed none, and in events without lines. */
  readonly expectedTotal: null | number;
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
  /** The coupon the order names (UUIDv7); null when it names none, and in events that are older than the field. */
  readonly couponId: null | string;
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
  readonly 'coupon-issue-requested': CouponIssueRequested;
  readonly 'coupon-issued': CouponIssued;
  readonly 'coupon-policy-created': CouponPolicyCreated;
  readonly 'coupon-policy-ended': CouponPolicyEnded;
  readonly 'coupon-redeemed': CouponRedeemed;
  readonly 'coupon-rejected': CouponRejected;
  readonly 'order-cancelled': OrderCancelled;
  readonly 'order-completed': OrderCompleted;
  readonly 'order-created': OrderCreated;
  readonly 'payment-completed': PaymentCompleted;
  readonly 'payment-failed': PaymentFailed;
  readonly 'payment-refunded': PaymentRefunded;
  readonly 'points-charged': PointsCharged;
  readonly 'product-changed': ProductChanged;
  readonly 'shipment-cancelled': ShipmentCancelled;
  readonly 'shipment-requested': ShipmentRequested;
  readonly 'stock-awaited': StockAwaited;
  readonly 'stock-rejected': StockRejected;
  readonly 'stock-reserved': StockReserved;
}
