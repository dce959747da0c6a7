import type { Cause, NewEvent } from '@shop/events';
import { decide, type OrderInput, SAGA_EVENTS, type SagaEventType } from './decide.ts';
import { recall } from './facts.ts';
import type { Order } from './order.ts';
import { withoutRequest } from './request.ts';

/** An input of one order, in a batch of many. */
export interface BatchInput {
  readonly orderId: string;
  readonly input: OrderInput;
  /** The event's id, if the input is an event; its step goes into the order's history under this id. */
  readonly eventId: string | null;
  /** The cause of the events that follow. */
  readonly cause?: Cause;
  /** When it is decided; absent: now. */
  readonly at?: Date;
}

/** One step in the history of an order: an event it consumed or published. */
export interface Step {
  readonly orderId: string;
  /** 1, 2, 3 … within the order. */
  readonly seq: number;
  /** Null for the order's own event, whose id is derived from (orderId, type). */
  readonly eventId: string | null;
  readonly type: string;
  readonly data: object;
  readonly at: Date;
}

/** The changes to be written together. */
export interface Changes {
  /** Each changed order once, in its final state. */
  readonly orders: readonly Order[];
  /** The changed orders whose reservation became known: prices of their lines must be written. */
  readonly reserved: readonly Order[];
  readonly steps: readonly Step[];
  /** In the order of their happening. */
  readonly events: readonly NewEvent[];
}

const STEP = new Map(SAGA_EVENTS.map((type, step) => [type, step]));

/**
 * The events of a batch in the order of the saga's steps. They come from several topics, whose order among each other
 * is chance; the events of one topic and key are in this order anyway. So the history shows what followed from what.
 */
export function inCausalOrder<E extends { readonly type: SagaEventType }>(events: readonly E[]): E[] {
  const stepOf = ({ type }: E): number => STEP.get(type) ?? SAGA_EVENTS.length;
  return events.toSorted((a, b) => stepOf(a) - stepOf(b));
}

/** An event of an order that this schema does not hold: lost with a restored backup, or from elsewhere. */
export class UnknownOrder extends Error {
  override readonly name = 'UnknownOrder';
}

/** The order after these steps. */
function after(before: Order, state: Order, happened: readonly Pick<Step, 'type'>[], at: Date): Order {
  const steps = before.steps && [...before.steps, ...happened.map(({ type }) => type)];
  return { ...state, version: before.version + happened.length, steps, updatedAt: at };
}

/**
 * Decides a batch, in its order, on the locked orders. A batch may hold several inputs of one order; the result is that
 * of deciding them one by one.
 * @throws {UnknownOrder} when an input's order is not in the snapshot
 * @throws {ContradictingEvent}
 */
export function decideBatch(snapshot: ReadonlyMap<string, Order>, inputs: readonly BatchInput[], now: Date): Changes {
  const changed = new Map<string, Order>();
  const steps: Step[] = [];
  const events: NewEvent[] = [];
  for (const { orderId, input, eventId, cause, at = now } of inputs) {
    const before = changed.get(orderId) ?? snapshot.get(orderId);
    if (!before) throw new UnknownOrder(`${input.type} for order ${orderId}, which is not in this schema`);
    const heard = eventId !== null && 'data' in input ? [{ type: input.type, data: input.data, eventId }] : [];
    // Called for every event: the order's own steps tell whether it was heard before a restore lost its row, so a
    // recovery needs no way of its own. Any other event is not among the steps yet, and is decided.
    const recalled = 'data' in input ? recall(before, input) : undefined;
    if (recalled) {
      for (const step of heard) steps.push({ orderId, seq: recalled.seq, ...step, at });
      changed.set(orderId, recalled.state);
      continue;
    }
    const decision = decide(before, input, at);
    const own = decision.events.map(({ type, data }) => ({ type, data: withoutRequest(data), eventId: null }));
    const happened = [...heard, ...own];
    if (happened.length === 0) continue;
    for (const [i, step] of happened.entries()) {
      steps.push({ orderId, seq: before.version + i + 1, ...step, at });
    }
    for (const event of decision.events) events.push(cause ? { ...event, cause } : event);
    changed.set(orderId, after(before, decision.state, happened, at));
  }
  const orders = [...changed.values()];
  const reserved = orders.filter((order) => order.reservation && !snapshot.get(order.orderId)?.reservation);
  return { orders, reserved, steps, events };
}
