import { DomainError, parse, userIdFrom, userQuery, uuidIn } from '@shop/chassis';
import type { Router } from 'express';
import type { ShipmentReads, ShipmentView } from '../usecases/ports.ts';

export interface ShippingRoutes {
  readonly reads: ShipmentReads;
}

/** Shipping's HTTP routes: a shipment is read here; it begins and ends by events. */
export function shippingRoutes({ reads }: ShippingRoutes): (router: Router) => void {
  return (router) => {
    router.get('/shipments/:id', async (request, response) => {
      parse(userQuery, request.query);
      const userId = userIdFrom(request);
      const orderId = uuidIn(request.params.id);
      const shipment = orderId && (await reads.find(userId, orderId));
      if (!shipment) throw new DomainError('NOT_FOUND', 'No order of yours with this id has a shipment.');
      response.json(shipment satisfies ShipmentView);
    });
  };
}
