/** What one order of one product was told. Times are of one clock. */
export interface Demand {
  readonly orderId: string;
  readonly quantity: number;
  readonly called: number;
  /** When its client learned the end. Infinity: never. */
  readonly returned: number;
  /** SOLD: completed. SOLD_OUT: refused for lack of stock. OTHER: ended otherwise, or not known. */
  readonly end: 'SOLD' | 'SOLD_OUT' | 'OTHER';
  /** When a cancellation of a completed order was asked for; its pieces may come back from then on. */
  readonly cancelAsked: number | undefined;
}

/**
 * Judges all answers of one product that began with `stock` pieces and was not restocked. Returns each contradiction in
 * words. More pieces sold than there were is one. So is a "sold out" when, at no moment between its request and its
 * answer, so many pieces can have been sold or held that it did not fit.
 */
export function judgeStock(stock: number, demands: readonly Demand[]): string[] {
  return [...soldTooMany(stock, demands), ...soldOutTooSoon(stock, demands)];
}

/** Pieces that are sold for good at the end: what was cancelled may have been sold again. */
function soldTooMany(stock: number, demands: readonly Demand[]): string[] {
  const sold = demands
    .filter((it) => it.end === 'SOLD' && it.cancelAsked === undefined)
    .reduce((sum, it) => sum + it.quantity, 0);
  return sold > stock ? [`${sold} pieces of ${stock} were sold`] : [];
}

function soldOutTooSoon(stock: number, demands: readonly Demand[]): string[] {
  const takers = demands.filter((it) => it.end !== 'SOLD_OUT');
  return demands
    .filter((it) => it.end === 'SOLD_OUT')
    .flatMap(({ orderId, quantity, returned }) => {
      // Each of these may hold its pieces at the moment of this answer: what comes back may come back later.
      const held = takers
        .filter((it) => it.orderId !== orderId && it.called <= returned)
        .reduce((sum, it) => sum + it.quantity, 0);
      return stock - held >= quantity
        ? [`order ${orderId} of ${quantity} was told sold out when at most ${held} of ${stock} were taken`]
        : [];
    });
}
