import { claimIdempotencyKeys, releaseIdempotencyKeys, type Transactor } from '@shop/chassis';
import { catalogSubscription } from '../../services/catalog/src/messaging/subscriptions.ts';
import { createProductChanges, type ProductChanges } from '../../services/catalog/src/usecases/change-products.ts';
import { createCompanions } from '../../services/catalog/src/usecases/companions.ts';
import { orderSubscription } from '../../services/order/src/messaging/subscriptions.ts';
import { createAdvanceOrders } from '../../services/order/src/usecases/advance-orders.ts';
import { createCancelOrder } from '../../services/order/src/usecases/cancel-order.ts';
import { createExpireOrders } from '../../services/order/src/usecases/expire-orders.ts';
import { createPlaceOrders } from '../../services/order/src/usecases/place-order.ts';
import type { IdempotencyKeys, NewOrders, OrderDeps } from '../../services/order/src/usecases/ports.ts';
import { paymentSubscription } from '../../services/payment/src/messaging/subscriptions.ts';
import { createChargePoints } from '../../services/payment/src/usecases/charge-points.ts';
import type { Process, Wired } from './instance.ts';
import { CatalogTables, createMemoryCatalogStore, createMemoryProductStore } from './memory-catalog-store.ts';
import type { MemoryTransaction } from './memory-database.ts';
import { createMemoryNewOrders, createMemoryOrderStore, OrderTables } from './memory-order-store.ts';
import { createMemoryAccountStore, createMemoryPaymentStore, PaymentTables } from './memory-payment-store.ts';
import { CouponTables } from './memory-redemption-store.ts';
import { LIMITS } from './stock-rules.ts';
import { ORDER_DEADLINE_MS } from './world.ts';

const SWEEP_EVERY_MS = 400;

export function wireOrder(tables: OrderTables) {
  return ({ outbox, clock, transaction, trueTime }: Process): Wired<OrderUseCases> => {
    const deps: OrderDeps<MemoryTransaction> & {
      transactor: Transactor<MemoryTransaction>;
      keys: IdempotencyKeys<MemoryTransaction>;
      newOrders: NewOrders<MemoryTransaction>;
    } = {
      newOrders: createMemoryNewOrders(tables),
      store: createMemoryOrderStore(tables),
      outbox,
      now: () => new Date(clock.now()),
      transactor: { transaction },
      keys: { claim: claimIdempotencyKeys, release: releaseIdempotencyKeys },
      ended: (tx, orders) =>
        tx.onCommit(() => {
          for (const { orderId } of orders) if (!tables.endedAt.has(orderId)) tables.endedAt.set(orderId, trueTime());
        }),
    };
    return {
      subscriptions: [orderSubscription(createAdvanceOrders<MemoryTransaction>(deps))],
      useCases: {
        place: createPlaceOrders<MemoryTransaction>(deps),
        cancel: createCancelOrder<MemoryTransaction>(deps),
      },
      jobs: [
        {
          name: 'sweep',
          everyMs: SWEEP_EVERY_MS,
          run: createExpireOrders<MemoryTransaction>({ ...deps, deadlineMs: ORDER_DEADLINE_MS }),
        },
      ],
    };
  };
}

export interface OrderUseCases {
  readonly place: ReturnType<typeof createPlaceOrders<MemoryTransaction>>;
  readonly cancel: ReturnType<typeof createCancelOrder<MemoryTransaction>>;
}

export type ChargeUseCase = ReturnType<typeof createChargePoints>;

export function wireCatalog(tables: CatalogTables) {
  return ({ outbox, clock, transaction }: Process): Wired<ProductChanges> => {
    const now = () => new Date(clock.now());
    const products = createMemoryProductStore(tables);
    const store = createMemoryCatalogStore(tables);
    const stock = { store, companions: createCompanions(), limits: LIMITS, outbox, now };
    return {
      subscriptions: [catalogSubscription(stock)],
      useCases: createProductChanges({ ...stock, transactor: { transaction }, products }),
    };
  };
}

export function wirePayment(tables: PaymentTables) {
  return ({ outbox, clock, transaction }: Process): Wired<ChargeUseCase> => {
    const now = () => new Date(clock.now());
    const accounts = createMemoryAccountStore(tables);
    return {
      subscriptions: [paymentSubscription({ store: createMemoryPaymentStore(tables), outbox, now })],
      useCases: createChargePoints({ transactor: { transaction }, accounts, outbox, now }),
    };
  };
}

export { CatalogTables, CouponTables, OrderTables, PaymentTables };
