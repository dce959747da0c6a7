import { type EventStream, type EventStreams, parse, userIdFrom, userQuery, uuidIn } from '@shop/chassis';
import type { Request, Response } from 'express';
import type { OrderProgress, OrderStep, OrderWatches } from '../usecases/order-watches.ts';
import { orderIdOf, orderNotFound } from './order-id.ts';

export interface OrderEventsDeps {
  readonly streams: Pick<EventStreams, 'enter'>;
  readonly watches: Pick<OrderWatches, 'open'>;
  /** Called with each step that is sent to a follower. */
  readonly told?: (step: OrderStep) => void;
}

/**
 * GET /orders/:id/events: every step of an order, in order, after Last-Event-ID; ends with the order. A client that
 * already has all of them gets 204, so that an EventSource does not come back.
 */
export async function orderEvents(deps: OrderEventsDeps, request: Request, response: Response): Promise<void> {
  parse(userQuery, request.query);
  const userId = userIdFrom(request);
  const orderId = orderIdOf(request);
  const stream = deps.streams.enter(response);
  const watch = deps.watches.open(orderId);
  try {
    const progress = await watch.read();
    if (progress?.order.userId !== userId) throw orderNotFound();
    if (response.closed) return watch.stop();
    const after = seqOf(progress, uuidIn(request.get('last-event-id')));
    if (request.method === 'HEAD' || (isOver(progress) && after === progress.version)) {
      watch.stop();
      response.status(request.method === 'HEAD' ? 200 : 204).end();
      return;
    }
    response.once('close', () => watch.stop());
    follow(stream, progress, after, deps, watch);
  } catch (error) {
    watch.stop();
    throw error;
  }
}

function follow(
  stream: EventStream,
  first: OrderProgress,
  after: number,
  { told }: OrderEventsDeps,
  watch: ReturnType<OrderWatches['open']>,
): void {
  let sent = after;
  const next = (progress: OrderProgress): readonly OrderStep[] => {
    const steps = progress.steps.filter(({ seq }) => seq > sent);
    sent = steps.at(-1)?.seq ?? sent;
    return steps;
  };
  const endIfOver = (progress: OrderProgress): boolean => {
    const over = isOver(progress) && sent >= progress.version;
    if (over) stream.end();
    return over;
  };

  stream.start(render(first, next(first)));
  if (endIfOver(first)) return;
  watch.follow((progress) => {
    const steps = next(progress);
    if (steps.length > 0) stream.send(render(progress, steps));
    for (const step of steps) told?.(step);
    if (endIfOver(progress)) watch.stop();
  });
}

/** A COMPLETED order can still be cancelled; its canceller opens a new stream to follow that. */
function isOver({ order }: OrderProgress): boolean {
  return order.status !== 'PENDING';
}

/** The last step that a client has seen; 0, the beginning, for an id that is none of this order's events. */
function seqOf({ steps }: OrderProgress, lastEventId: string | undefined): number {
  return steps.find(({ eventId }) => eventId === lastEventId)?.seq ?? 0;
}

function render({ order }: OrderProgress, steps: readonly OrderStep[]): string {
  const shown = JSON.stringify(order);
  return steps
    .map(({ eventId, type, happenedAt }) => {
      const data = `{"eventId":"${eventId}","type":"${type}","happenedAt":"${happenedAt.toISOString()}","order":${shown}}`;
      return `id: ${eventId}\nevent: order\ndata: ${data}\n\n`;
    })
    .join('');
}
