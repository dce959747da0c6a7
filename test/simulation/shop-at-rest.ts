import type { EventType } from '@shop/events';
import type { IssueOutcome } from '../../services/coupon/src/domain/issue.ts';
import type { CatalogTables } from './memory-catalog-store.ts';
import type { MessagingTables } from './memory-messaging-store.ts';
import type { OrderTables } from './memory-order-store.ts';
import type { PaymentTables } from './memory-payment-store.ts';
import type { CouponTables } from './memory-redemption-store.ts';
import type { World } from './world.ts';

/** A published event, as the log has it; duplicates stand there as often as they were sent. */
export interface LoggedEvent {
  readonly id: string;
  readonly type: EventType;
  readonly key: string;
  readonly topic: string;
}

/** What a client was told, once for each time it asked. */
export interface ClientAnswer {
  readonly key: string;
  /** For an order: its id. */
  readonly orderId?: string;
  /** For a coupon: what was said. */
  readonly issue?: IssueAnswer;
}

export interface IssueAnswer {
  readonly userId: number;
  readonly couponPolicyId: number;
  /** Whether an answer before had given this user a coupon of the policy. */
  readonly hadOne: boolean;
  readonly kind: IssueOutcome['kind'] | 'ACCEPTED';
  readonly way: 'door' | 'database' | 'log';
  readonly couponId?: string;
  /** Of one that was accepted for the log. */
  readonly requestId?: string;
}

/** Everything there is once nothing moves any more. */
export interface ShopAtRest {
  readonly world: World;
  readonly order: OrderTables;
  readonly catalog: CatalogTables;
  readonly coupon: CouponTables;
  /** Times that Redis failed or lost something. */
  readonly redisTroubles: number;
  readonly payment: PaymentTables;
  readonly messaging: Readonly<Record<string, MessagingTables>>;
  readonly log: readonly LoggedEvent[];
  readonly answers: readonly ClientAnswer[];
}
