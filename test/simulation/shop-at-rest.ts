import type { EventType } from '@shop/events';
import type { IssueOutcome } from '../../services/coupon/src/domain/issue.ts';
import type { Ask } from '../judge/coupons.ts';
import type { CatalogTables } from './memory-catalog-store.ts';
import type { MessagingTables } from './memory-messaging-store.ts';
import type { OrderTables } from './memory-order-store.ts';
import type { PaymentTables } from './memory-payment-store.ts';
import type { CouponTables } from './memory-redemption-store.ts';
import type { World } from './world.ts';

/** A published event in the log; duplicates are there as often as they were sent. */
export interface LoggedEvent {
  readonly id: string;
  readonly type: EventType;
  readonly key: string;
  readonly topic: string;
}

/** A client's answer, one for each time it asked. */
export interface ClientAnswer {
  readonly key: string;
  /** For an order: its id. */
  readonly orderId?: string;
  /** For pieces to be taken back: whether enough were available. */
  readonly isTakenBack?: boolean;
  /** For a coupon: its answer. */
  readonly issue?: IssueAnswer;
}

export interface IssueAnswer {
  readonly userId: number;
  readonly couponPolicyId: number;
  /** Whether an earlier answer had given this user a coupon of the policy. */
  readonly hadOne: boolean;
  readonly kind: IssueOutcome['kind'] | 'ACCEPTED';
  readonly way: 'door' | 'database' | 'log';
  readonly couponId?: string;
  /** For a request accepted on the log. */
  readonly requestId?: string;
}

/** The final state of a run. */
export interface ShopAtRest {
  readonly world: World;
  readonly order: OrderTables;
  readonly catalog: CatalogTables;
  readonly coupon: CouponTables;
  /** Number of times that Redis failed or lost data. */
  readonly redisTroubles: number;
  readonly payment: PaymentTables;
  readonly messaging: Readonly<Record<string, MessagingTables>>;
  readonly log: readonly LoggedEvent[];
  readonly answers: readonly ClientAnswer[];
  /** Requests for coupons by policy; their times are steps. */
  readonly asks: ReadonlyMap<number, readonly Ask[]>;
}
