import type { Shipment } from '../domain/shipment.ts';

/** A shipment in the form shown to its user. */
export interface ShipmentView {
  readonly orderId: string;
  readonly status: Exclude<Shipment['status'], 'VOID'>;
  readonly pieces: number;
  /** ISO 8601, UTC. */
  readonly requestedAt: string;
}

export interface ShipmentReads {
  /** The shipment of a user's order; undefined if there is none, or the order is another user's. */
  find(userId: number, orderId: string): Promise<ShipmentView | undefined>;
}
