/** The part of a product that reservations read and move. Stock is counted in pieces, the price in won. */
export interface ProductStock {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
  /** Orders that wait for this product. */
  readonly waiting: number;
  /** False once an operator has withdrawn it: no further order gets a piece. */
  readonly onSale: boolean;
}

/** A line as ordered. */
export interface OrderedLine {
  readonly productId: number;
  /** Pieces. */
  readonly quantity: number;
}

/** A reserved line: its name and price are the product's at that moment and never change. */
export interface ReservedLine extends OrderedLine {
  readonly name: string;
  readonly unitPrice: number;
}

/** What every reservation has. */
export interface OfOrder {
  readonly orderId: string;
  readonly userId: number;
  readonly couponId: string | null;
  /** Whether it was ever WAITING, and so said stock-awaited. */
  readonly waited: boolean;
}

/** In line for pieces that other orders hold and have not paid. It holds nothing itself, and has no price yet. */
export interface WaitingReservation extends OfOrder {
  readonly status: 'WAITING';
  readonly wants: readonly OrderedLine[];
  /** Won; null when the client showed none. */
  readonly expectedTotal: number | null;
}

/** Stock is set aside (ACTIVE) or sold (SOLD). */
export interface HeldReservation extends OfOrder {
  readonly status: 'ACTIVE' | 'SOLD';
  readonly lines: readonly ReservedLine[];
  readonly totalAmount: number;
}

/** The reservation held stock and gave it back when the order was cancelled for `reason`. */
export interface ReleasedReservation extends OfOrder {
  readonly status: 'RELEASED';
  readonly lines: readonly ReservedLine[];
  readonly totalAmount: number;
  readonly reason: string;
}

/** It never held stock: refused (REJECTED), or cancelled (VOID) while it waited or before its order arrived. */
export interface EmptyReservation extends OfOrder {
  readonly status: 'REJECTED' | 'VOID';
  readonly reason: string;
}

/** The catalog's record of one order; undefined until an event of the order arrives. */
export type Reservation = WaitingReservation | HeldReservation | ReleasedReservation | EmptyReservation;
