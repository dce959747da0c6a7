import type { Transaction } from '@shop/chassis';
import type {
  DescribedGroup,
  OwnFacts,
  ReceivedEvent,
  RecoverySubscription,
  ReplayedGroup,
  Subscription,
} from '@shop/events';
import { SAGA_EVENTS, type SagaEventType } from '../domain/decide.ts';
import { ORDER_FACTS, type OrderFact } from '../domain/facts.ts';
import { createAdvanceOrders } from '../usecases/advance-orders.ts';
import { DELIVERED_EVENTS, type DeliveredEventType } from '../usecases/deliver-orders.ts';
import type { OrderDeps } from '../usecases/ports.ts';

/** Its groups, as the audit, the operators' commands and the documents know them. */
export const GROUPS: readonly DescribedGroup[] = [
  { subscription: orderSubscription, summary: 'Drives each order on, to its end.' },
  { subscription: dataPlatformSubscription, summary: 'Delivers ended orders to the data platform.', optional: true },
];

/** The order service consumes the events of catalog, coupon and payment about orders. */
export function orderSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<SagaEventType>[]) => Promise<void>,
): Subscription<Tx, SagaEventType> {
  return { group: 'order', handles: SAGA_EVENTS, handle };
}

const dataPlatform = { group: 'data-platform', handles: DELIVERED_EVENTS } as const;

/** The events of the data platform. No client waits for them: the group is patient, so that it costs orders little. */
export function dataPlatformSubscription<Tx>(
  handle: (tx: Tx, events: readonly ReceivedEvent<DeliveredEventType>[]) => Promise<void>,
): Subscription<Tx, DeliveredEventType> {
  return { ...dataPlatform, patienceMs: 500, maxBatch: 300, handle };
}

/**
 * The events that the order service has published, for a schema restored from a backup. The history keeps what an order
 * heard, so the causes are not claimed: they are heard again.
 */
export function orderFacts(apply: OwnFacts<OrderFact['type']>['apply']): OwnFacts<OrderFact['type']> {
  return { group: 'order', types: ORDER_FACTS, answers: () => [], apply };
}

interface RecoveryDependencies extends OrderDeps<Transaction> {
  readonly acceptGaps: boolean;
  readonly leftOut: (events: readonly ReceivedEvent<SagaEventType>[]) => void;
}

/**
 * The order service's subscription in a recovery: each event is decided at its own time. Where gaps are accepted,
 * events of unknown orders are left out and handed to `leftOut`: topics lose their beginning at different times.
 */
export function recoveringOrders({
  acceptGaps,
  leftOut,
  ...deps
}: RecoveryDependencies): RecoverySubscription<SagaEventType> {
  const gaps = acceptGaps ? { leftOut } : {};
  return { ...orderSubscription(createAdvanceOrders({ ...deps, takesTimes: true, ...gaps })), takesMany: true };
}

/**
 * What the data platform lacks after a recovery is sent by a replay: the service must be able to start while the
 * platform is away. It drops what it has by the event's id.
 */
export function replayedDelivery(url: string | undefined): ReplayedGroup[] {
  return url ? [dataPlatform] : [];
}
