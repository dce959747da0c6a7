/** The API's answers that the shop shows; /openapi.json documents all. Amounts in won, times in ISO 8601. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}
export interface Product {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly stockQuantity: number;
  /** Pieces that others hold and have not paid; left out where there are none. */
  readonly heldQuantity?: number;
  /** False once it is withdrawn from sale; left out while it is on sale. */
  readonly onSale?: false;
}
export interface PopularProduct {
  readonly rank: number;
  readonly productId: number;
  readonly name: string | null;
  readonly price: number | null;
  readonly quantitySold: number;
}
export interface Order {
  readonly orderId: string;
  readonly status: 'PENDING' | 'COMPLETED' | 'CANCELLED';
  readonly items: readonly {
    readonly productId: number;
    readonly name: string | null;
    readonly unitPrice: number | null;
    readonly quantity: number;
  }[];
  readonly totalAmount: number | null;
  readonly discountAmount: number | null;
  readonly paidAmount: number | null;
  readonly refund?: { readonly status: 'PENDING' | 'DONE'; readonly amount: number };
  readonly couponId?: string;
  readonly reason?: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly completedAt?: string;
}
export interface OrderEvent {
  readonly eventId: string;
  readonly type: string;
  readonly happenedAt: string;
  readonly order: Order;
}
/** The members of a coupon, and of a policy, that give a coupon's value; read by `worth.ts`. */
export interface CouponWorth {
  readonly discountAmount: number;
}
export interface Coupon extends CouponWorth {
  readonly couponId: string;
  readonly couponPolicyId: number;
  readonly name: string;
  readonly status: 'ISSUED' | 'USED' | 'EXPIRED' | 'REVOKED';
  readonly expiresAt: string;
}
export interface IssuedCoupon extends Coupon {
  readonly alreadyIssued: boolean;
}
export interface CouponPolicy extends CouponWorth {
  readonly couponPolicyId: number;
  readonly name: string;
  readonly totalQuantity: number;
  readonly status: 'ACTIVE' | 'ENDED';
  readonly remaining: number;
  readonly validDays: number;
  readonly startsAt: string | null;
  readonly endsAt: string | null;
}
export interface EndedPolicy {
  readonly couponPolicyId: number;
  readonly issuedCount: number;
  readonly revocation: { readonly status: 'RUNNING' | 'DONE'; readonly revokedCount: number } | null;
}
export interface PointsChange {
  readonly id: string | number;
  readonly type: 'CHARGE' | 'USE' | 'REFUND';
  readonly amount: number;
  readonly balanceAfter: number;
  readonly orderId?: string | null;
  readonly createdAt: string;
}
export interface Rush {
  readonly rushId: string;
  readonly productId: number;
  readonly couponPolicyId: number;
  readonly phase: 'BUYING' | 'AUDITING' | 'DONE' | 'FAILED';
  readonly done: boolean;
  readonly buyers: number;
  readonly ended: number;
  readonly coupons: Readonly<Record<'issued' | 'alreadyOwn' | 'soldOut' | 'failed', number>>;
  readonly orders: {
    readonly completed: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly failed: number;
    readonly pending: number;
  };
  readonly failures: Readonly<Record<string, number>>;
  readonly elapsedMs: number;
  readonly ordersPerSecond: number;
  readonly p95Ms: Readonly<Record<'coupon' | 'order', number | null>>;
  readonly audit?: {
    readonly clean: boolean;
    readonly state: 'HOLDS' | 'BROKEN' | 'NOTHING_TO_CHECK';
    readonly violations: readonly {
      readonly invariant: number;
      readonly title: string;
      readonly failed: number;
      readonly examples: readonly { readonly id: string; readonly detail: string }[];
    }[];
    readonly checks: number;
    readonly orders: number;
    readonly notes: readonly string[];
    readonly durationMs: number;
  };
  readonly error?: string;
}

/** What GET /ops/status tells, as far as it is drawn. */
export interface ShopStatus {
  readonly instances: readonly {
    readonly service: string;
    readonly url: string;
    readonly live: boolean;
    readonly ready: boolean;
    readonly messaging?: {
      readonly lost: readonly string[];
      readonly haltedPartitions: readonly { readonly group: string }[];
    };
  }[];
  readonly groups: readonly { readonly group: string; readonly lag: number }[];
  readonly outboxes: readonly { readonly service: string; readonly waiting: number; readonly oldestMs: number }[];
  readonly deadLetters: readonly {
    readonly group: string;
    readonly dead: number;
    readonly parked: number;
    readonly redriving: number;
  }[];
  readonly problems: readonly string[];
  readonly lastAudit?: {
    readonly endedAt: string;
    readonly state: 'HOLDS' | 'BROKEN' | 'NOTHING_TO_CHECK';
    readonly violations: number;
    /** Names of the checks that it could not make; an older console does not tell. */
    readonly notMade?: readonly string[];
  };
}
