import { userQuery } from '@shop/chassis';
import {
  answerHeaders,
  describes,
  idempotencyHeaders,
  type PassedOperation,
  pageOf,
  timeSchema,
  uuidSchema,
  wonSchema,
} from '@shop/chassis/api';
import { z } from 'zod';
import type { OrderView } from '../usecases/order-view.ts';
import { cancelOrderBody, listOrdersQuery, placeOrderBody } from './schemas.ts';

const item = z.strictObject({
  productId: z.int().describe('the product'),
  name: z.string().nullable().describe('its name when it was reserved; null until then'),
  unitPrice: wonSchema.nullable().describe('price of one piece, fixed when it was reserved, won; null until then'),
  quantity: z.int().min(1).describe('pieces'),
});

const order = describes<OrderView>()(
  z
    .strictObject({
      orderId: uuidSchema.describe('the order, a UUIDv7'),
      userId: z.int().describe('who ordered'),
      status: z
        .enum(['PENDING', 'COMPLETED', 'CANCELLED'])
        .describe('PENDING ends within seconds; a COMPLETED one can still be cancelled'),
      items: z.array(item).describe('each product once'),
      totalAmount: wonSchema.nullable().describe('before any discount, won; null until stock is reserved'),
      discountAmount: wonSchema.nullable().describe('what the coupon paid, won; null until it is paid'),
      paidAmount: wonSchema
        .nullable()
        .describe('points that it has taken and not given back, won; null until it is paid, 0 once they are refunded'),
      refund: z
        .strictObject({
          status: z
            .enum(['PENDING', 'DONE'])
            .describe('PENDING: the points are on their way back; DONE: they are there, and can be spent'),
          amount: wonSchema.describe('points that go back, won'),
        })
        .optional()
        .describe('of a cancelled order that is known to have taken points'),
      couponId: uuidSchema
        .optional()
        .describe(
          'the coupon it names; one that takes nothing off (`discountAmount` 0) is not used, and stays with its user',
        ),
      reason: z
        .string()
        .optional()
        .meta({ description: 'why it was cancelled: the code of a problem', examples: ['OUT_OF_STOCK'] }),
      createdAt: timeSchema.describe('ISO 8601, UTC'),
      updatedAt: timeSchema.describe('of the last change, ISO 8601, UTC'),
      completedAt: timeSchema.optional().describe('when it completed, also after it was cancelled, ISO 8601, UTC'),
    })
    .meta({ id: 'Order', description: 'An order, as its user sees it.' }),
);

const orderEvent = z
  .strictObject({
    eventId: uuidSchema.describe('the step, also the `id:` of the event'),
    type: z.string().meta({ description: 'what happened', examples: ['stock-reserved'] }),
    happenedAt: timeSchema.describe('ISO 8601, UTC'),
    order: order,
  })
  .meta({ id: 'OrderEvent', description: 'One step of an order, and the order after it.' });

const params = z.object({ id: uuidSchema.describe('the order') });
const prefer = z
  .string()
  .optional()
  .meta({
    description:
      '`wait=N`: the answer comes when the order has ended, or, of a cancelled one, when its refund is DONE; N seconds later at most (30; RFC 7240).',
    examples: ['wait=10'],
    pattern: '^[ -~]*$',
  });
const preferenceApplied = answerHeaders.preferenceApplied;
const replayed = answerHeaders.replayed;

/** Codes of orders that end without completing. */
const ENDS = [
  'INSUFFICIENT_BALANCE',
  'PRODUCT_NOT_FOUND',
  'COUPON_NOT_FOUND',
  'PRODUCT_WITHDRAWN',
  'OUT_OF_STOCK',
  'QUANTITY_ABOVE_LIMIT',
  'TOO_MANY_WAITING',
  'PRICE_CHANGED',
  'COUPON_ALREADY_USED',
  'COUPON_EXPIRED',
  'COUPON_REVOKED',
  'ORDER_CANCELLED',
  'ORDER_DEADLINE_EXCEEDED',
] as const;

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'placeOrder',
    method: 'POST',
    path: '/orders',
    access: 'user',
    class: 'begin',
    waits: true,
    tag: 'orders',
    summary: 'Order something',
    description: `Stock is reserved, a coupon used, points are taken; all of it or nothing. Without \`Prefer: wait=N\` the answer is 202 at once and
\`GET /orders/{id}\` tells the rest. With it the answer is the end of the order: 201, or the problem that ended it, with the order in it; 202 when it is
still pending after N seconds. Without an \`Idempotency-Key\` each call is an order of its own; a repeat with the same key is shown the order as it now is.`,
    query: userQuery,
    headers: z.object({ ...idempotencyHeaders.shape, Prefer: prefer }),
    body: {
      schema: placeOrderBody,
      examples: {
        'two of a product': { items: [{ productId: 1, quantity: 2 }] },
        'two products': {
          items: [
            { productId: 1, quantity: 1 },
            { productId: 2, quantity: 3 },
          ],
        },
      },
    },
    answers: {
      201: {
        description: 'COMPLETED (`Prefer: wait=N`).',
        schema: order,
        leadsTo: { getOrder: 'orderId', cancelOrder: 'orderId', followOrder: 'orderId' },
        headers: {
          Location: answerHeaders.location,
          'Preference-Applied': preferenceApplied,
          'Idempotency-Replayed': replayed,
        },
      },
      202: {
        description: 'Accepted. PENDING; a repeat is shown the order as it now is.',
        schema: order,
        leadsTo: { getOrder: 'orderId', cancelOrder: 'orderId', followOrder: 'orderId' },
        headers: {
          Location: answerHeaders.location,
          'Preference-Applied': preferenceApplied,
          'Idempotency-Replayed': replayed,
        },
      },
    },
    problems: [...ENDS, 'IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_REUSED'],
    problemMembers: z.object({
      orderId: uuidSchema.optional().describe('the order that ended so'),
      order: order.optional(),
    }),
  },
  {
    operationId: 'listOrders',
    method: 'GET',
    path: '/orders',
    access: 'user',
    class: 'finish',
    tag: 'orders',
    summary: 'Own orders, newest first',
    query: listOrdersQuery,
    answers: { 200: { description: 'A page of orders.', schema: pageOf(order) } },
  },
  {
    operationId: 'getOrder',
    method: 'GET',
    path: '/orders/:id',
    access: 'user',
    class: 'finish',
    waits: true,
    tag: 'orders',
    summary: 'One of the own orders',
    description: "Somebody else's is answered as one that does not exist.",
    params,
    query: userQuery,
    headers: z.object({ Prefer: prefer }),
    answers: {
      200: { description: 'The order.', schema: order, headers: { 'Preference-Applied': preferenceApplied } },
    },
    problems: ['ORDER_NOT_FOUND'],
  },
  {
    operationId: 'followOrder',
    method: 'GET',
    path: '/orders/:id/events',
    access: 'user',
    class: 'finish',
    stream: true,
    tag: 'orders',
    summary: 'Every step of an order, as it comes',
    description: `Server-sent events: \`id:\` is the step's event id, \`event: order\`, \`data:\` an OrderEvent as JSON; a comment every 15 s shows that the connection
lives. The stream begins with the steps that there are, and ends with the order. A client that lost it says in \`Last-Event-ID\` which step it saw last and gets
what came after; 204 when nothing will. \`EventSource\` cannot send a token: use \`fetch\` and read the stream.`,
    params,
    query: userQuery,
    headers: z.object({
      'Last-Event-ID': z
        .string()
        .optional()
        .meta({ description: 'the step seen last; all of them when unknown', pattern: '^[ -~]*$' }),
    }),
    answers: {
      200: { description: 'The steps.', schema: z.string(), mediaType: 'text/event-stream', events: orderEvent },
      204: { description: 'All steps have been seen, and the order has ended.' },
    },
    problems: ['ORDER_NOT_FOUND'],
  },
  {
    operationId: 'cancelOrder',
    method: 'POST',
    path: '/orders/:id/cancel',
    access: 'user',
    class: 'finish',
    waits: true,
    tag: 'orders',
    summary: 'Cancel an order',
    description:
      'A PENDING one ends; a COMPLETED one is refunded, its stock and its coupon come back. The answer does not wait for that: `refund` says whether the points are back. A client that wants to spend them at once sends `Prefer: wait=N`, here or with `GET /orders/{id}`, and orders once `refund` is DONE: an order that comes before may end with INSUFFICIENT_BALANCE.',
    params,
    query: userQuery,
    headers: z.object({ ...idempotencyHeaders.shape, Prefer: prefer }),
    body: { schema: cancelOrderBody, required: false, examples: { 'the own order': {} } },
    answers: {
      200: {
        description: 'It was CANCELLED before.',
        schema: order,
        headers: { 'Preference-Applied': preferenceApplied },
      },
      202: {
        description: 'CANCELLED; what it had taken is being given back.',
        schema: order,
        headers: { 'Idempotency-Replayed': replayed, 'Preference-Applied': preferenceApplied },
      },
    },
    // There is no body, so a key cannot belong to another one.
    problems: ['ORDER_NOT_FOUND', 'IDEMPOTENCY_IN_FLIGHT'],
  },
];
