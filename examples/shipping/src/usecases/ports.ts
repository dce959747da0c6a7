import type { Shipment } from '../domain/shipment.ts';

/** A shipment as it is shown. */
export interface ShipmentView {
  readonly orderId: string;
  readonly status: Exclude<Shipment['status'], 'VOID'>;
  readonly pieces: number;
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
}

export interface ShipmentReads {
  /** The shipment of a user's order; undefined where there is none, and for somebody else's. */
  find(userId: number, orderId: string): Promise<ShipmentView | undefined>;
}
