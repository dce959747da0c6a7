import {
  type Client,
  clientOf,
  currentTraceparent,
  DomainError,
  idempotencyKeyFrom,
  noteOnSpan,
  parse,
  requestHash,
  toPage,
  userIdFrom,
  userQuery,
} from '@shop/chassis';
import type { Request, Response, Router } from 'express';
import type { Admission } from '../usecases/admission.ts';
import type { CancelOutcome, CancelRequest } from '../usecases/cancel-order.ts';
import { hasEnded, isRefunded, type ListOrders, type OrderView } from '../usecases/order-view.ts';
import type { Placed, PlaceRequest } from '../usecases/place-order.ts';
import { answerPlaced } from './answer.ts';
import { orderIdOf, orderNotFound } from './order-id.ts';
import { type OrderEventsDeps, orderEvents } from './order-stream.ts';
import { cancelOrderBody, detailsIn, listOrdersQuery, placeOrderBody } from './schemas.ts';
import { grantedWait, openWait, type WaitDeps } from './wait.ts';

export interface OrderRoutes extends OrderEventsDeps, WaitDeps {
  readonly placeOrder: (request: PlaceRequest, client: Client) => Promise<Placed>;
  /** The id of the order of the user's key, if there is one. Rejects when the key was used with another body. */
  readonly findPlaced: (
    userId: number,
    idempotency: NonNullable<PlaceRequest['idempotency']>,
  ) => Promise<string | undefined>;
  readonly cancelOrder: (request: CancelRequest) => Promise<CancelOutcome>;
  /** May be refused under load for a `client` that only reads, but not for one whose order was placed or cancelled. */
  readonly readOrder: (orderId: string, client?: Client) => Promise<OrderView | undefined>;
  readonly listOrders: ListOrders;
  readonly admission: Pick<Admission, 'check' | 'checkReady'>;
  /** UUIDv7. */
  readonly newId: () => string;
}

export function orderRoutes(deps: OrderRoutes): (router: Router) => void {
  return (router) => {
    router.post('/orders', (request, response) => placeOrder(deps, request, response));
    router.get('/orders', (request, response) => listOrders(deps, request, response));
    router.get('/orders/:id', (request, response) => getOrder(deps, request, response));
    router.get('/orders/:id/events', (request, response) => orderEvents(deps, request, response));
    router.post('/orders/:id/cancel', (request, response) => cancelOrder(deps, request, response));
  };
}

async function placeOrder(deps: OrderRoutes, request: Request, response: Response): Promise<void> {
  parse(userQuery, request.query);
  const body = parse(placeOrderBody, request.body);
  const userId = userIdFrom(request);
  const idempotencyKey = idempotencyKeyFrom(request);
  const idempotency = idempotencyKey && { key: idempotencyKey, requestHash: requestHash({ ...body, userId }) };
  try {
    // Nothing is awaited from here to placeOrder, which counts the order as begun: else a burst would pass uncounted.
    deps.admission.check();
  } catch (refusal) {
    // New orders are refused now, but a repeat only asks for the outcome of its order.
    const orderId = idempotency && (await deps.findPlaced(userId, idempotency).catch(unlessBusy(refusal)));
    if (orderId === undefined) throw refusal;
    return answerPlaced(deps, response, { orderId, replayed: true }, { seconds: grantedWait(deps, request) });
  }
  const placement = {
    orderId: deps.newId(),
    userId,
    lines: body.items,
    ...detailsIn(body),
    traceparent: currentTraceparent() ?? null,
  };

  noteOnSpan({ 'shop.order.id': placement.orderId });
  const seconds = grantedWait(deps, request);
  // The wait begins before the order exists, so that its end cannot be missed.
  const ownWait = openWait(deps, response, placement.orderId, seconds);
  let placed: Placed;
  try {
    const wish = { placement, ...(idempotency ? { idempotency } : {}) };
    placed = await deps.placeOrder(wish, clientOf(request, response));
  } catch (error) {
    ownWait?.cancel();
    throw error;
  }
  return answerPlaced(deps, response, placed, { seconds, ownWait });
}

/** When the lookup of a key is refused under load too, the first refusal stands: the client asks again. */
function unlessBusy(refusal: unknown): (error: unknown) => never {
  return (error) => {
    throw error instanceof DomainError && error.code === 'SERVICE_UNAVAILABLE' ? refusal : error;
  };
}

async function getOrder(deps: OrderRoutes, request: Request, response: Response): Promise<void> {
  parse(userQuery, request.query);
  const userId = userIdFrom(request);
  const orderId = orderIdOf(request);
  // A user who may not see the order may not wait for it either.
  const now = await deps.readOrder(orderId, clientOf(request, response));
  if (now?.userId !== userId) throw orderNotFound();
  const seconds = grantedWait(deps, request);
  if (seconds) response.setHeader('Preference-Applied', `wait=${seconds}`);
  const awaited = hasEnded(now) ? 'refund' : 'end';
  const wait = hasEnded(now) && isRefunded(now) ? undefined : openWait(deps, response, orderId, seconds, awaited);
  const order = wait ? await wait.ended() : now;
  if (!response.closed) response.json(order);
}

async function listOrders(deps: OrderRoutes, request: Request, response: Response): Promise<void> {
  const { status, cursor, limit } = parse(listOrdersQuery, request.query);
  const userId = userIdFrom(request);
  const rows = await deps.listOrders({ userId, status, after: cursor, limit: limit + 1 });
  response.json(toPage(rows, limit, (order) => order.orderId));
}

async function cancelOrder(deps: OrderRoutes, request: Request, response: Response): Promise<void> {
  parse(userQuery, request.query);
  const body = parse(cancelOrderBody, request.body === undefined ? {} : request.body);
  const userId = userIdFrom(request);
  const orderId = orderIdOf(request);
  const idempotencyKey = idempotencyKeyFrom(request);
  deps.admission.checkReady();
  const outcome = await deps.cancelOrder({
    requestId: deps.newId(),
    orderId,
    userId,
    traceparent: currentTraceparent() ?? null,
    ...(idempotencyKey ? { idempotency: { key: idempotencyKey, requestHash: requestHash({ ...body, userId }) } } : {}),
  });
  if (outcome === 'replayed') response.setHeader('Idempotency-Replayed', 'true');
  // The order is cancelled, whatever comes now: a client that waits learns when its points are back.
  const seconds = grantedWait(deps, request);
  const wait = openWait(deps, response, orderId, seconds, 'refund');
  const order = wait ? await wait.ended() : await deps.readOrder(orderId);
  if (response.closed) return;
  if (seconds) response.setHeader('Preference-Applied', `wait=${seconds}`);
  response.status(outcome === 'already' ? 200 : 202).json(order);
}
