import { userQuery } from '@shop/chassis';
import { describes, type PassedOperation, timeSchema, uuidSchema } from '@shop/chassis/api';
import { z } from 'zod';
import type { ShipmentView } from '../usecases/ports.ts';

const shipment = describes<ShipmentView>()(
  z
    .strictObject({
      orderId: uuidSchema.describe('the order whose parcel it is'),
      status: z.enum(['REQUESTED', 'CANCELLED']).describe('CANCELLED when the order was taken back'),
      pieces: z.int().min(1).describe('pieces in the parcel'),
      requestedAt: timeSchema.describe('ISO 8601, UTC'),
    })
    .meta({ id: 'Shipment', description: 'The parcel of an order.' }),
);

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'getShipment',
    method: 'GET',
    path: '/shipments/:id',
    access: 'user',
    class: 'browse',
    tag: 'shipments',
    summary: 'The parcel of one of the own orders',
    description:
      'An example service: it is there when the shop was started with `npm start -- --with shipping`. ' +
      'A parcel is requested within moments of the order’s completion; until then, and for every order where shipping does not run, the answer is 404.',
    params: z.object({ id: uuidSchema.describe('the order') }),
    query: userQuery,
    answers: { 200: { description: 'The shipment.', schema: shipment } },
    problems: ['NOT_FOUND'],
  },
];
