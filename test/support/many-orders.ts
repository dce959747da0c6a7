import { type Api, expectStatus, type Lines, type OrderAnswer, type OrderOptions } from './api.ts';
import { eventually } from './eventually.ts';
import { inTurns } from './in-turns.ts';

export interface Placed {
  readonly orderId: string;
  readonly userId: number;
}

/** Places an order; told to come later, it does. */
export function placeOne(api: Api, userId: number, lines: Lines, options: OrderOptions = {}): Promise<Placed> {
  return eventually(
    'an order to be accepted',
    async () => {
      const answer = await api.placeOrder<OrderAnswer>(userId, lines, options);
      return answer.status === 503 ? undefined : { orderId: expectStatus(answer, 202).body.orderId, userId };
    },
    { withinMs: 30_000 },
  );
}

/** Places orders of one product, of 1 to 3 pieces, for these users in turn. Their ends are not awaited. */
export async function placeMany(
  api: Api,
  count: number,
  { users, productId }: { readonly users: readonly number[]; readonly productId: number },
): Promise<Placed[]> {
  const placed: Placed[] = [];
  await inTurns(Array.from({ length: count }), async (_, i) => {
    placed.push(await placeOne(api, users[i % users.length] as number, [[productId, 1 + (i % 3)]]));
  });
  return placed;
}
