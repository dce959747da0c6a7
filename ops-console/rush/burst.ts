/**
 * Lets every buyer buy, `atOnce` of them at a time. After an abort no buyer begins any more, and active ones are
 * awaited. Rejects, after all have ended, with the first error that is not the abort's.
 */
export async function burst<Buyer>(
  buyers: readonly Buyer[],
  { atOnce, signal, buy }: { atOnce: number; signal: AbortSignal; buy: (buyer: Buyer) => Promise<void> },
): Promise<void> {
  let next = 0;
  const errors: unknown[] = [];
  const worker = async (): Promise<void> => {
    while (next < buyers.length && !signal.aborted && errors.length === 0) {
      await buy(buyers[next++] as Buyer).catch((error: unknown) => {
        if (!signal.aborted) errors.push(error);
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, buyers.length) }, worker));
  if (errors.length > 0) throw errors[0];
}
