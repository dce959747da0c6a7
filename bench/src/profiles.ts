/** The shape of a load's orders. */
export interface Profile {
  readonly name: 'one-line' | 'three-lines' | 'hot';
  readonly title: string;
  readonly lines: 1 | 3;
  readonly hot: boolean;
}

export const PROFILES: readonly Profile[] = [
  { name: 'one-line', title: 'One line, many products', lines: 1, hot: false },
  { name: 'three-lines', title: 'Three lines, many products', lines: 3, hot: false },
  { name: 'hot', title: 'One line, one hot product', lines: 1, hot: true },
];

/** @throws when there is no such profile */
export function profileOf(lines: number, hot: boolean): Profile {
  const profile = PROFILES.find((each) => each.lines === lines && each.hot === hot);
  if (!profile)
    throw new Error(
      `There is no profile of ${lines} lines${hot ? ' on one hot product' : ''}: --lines 1, --lines 3 or --hot`,
    );
  return profile;
}

/** Random numbers in [0, 1), the same for the same seed (mulberry32), so that a run can be repeated. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface OrderBody {
  readonly userId: number;
  readonly items: readonly { readonly productId: number; readonly quantity: number }[];
}

/** The body of one order: any of the users, each product once, one piece of each. */
export function orderBody(
  profile: Profile,
  users: number,
  products: readonly number[],
  random: () => number,
): OrderBody {
  const userId = 1 + Math.floor(random() * users);
  const chosen = new Set<number>();
  const wanted = profile.hot ? 1 : Math.min(profile.lines, products.length);
  while (chosen.size < wanted) {
    const productId = profile.hot ? products[0] : products[Math.floor(random() * products.length)];
    if (productId === undefined) throw new Error('There is no product to order');
    chosen.add(productId);
  }
  return { userId, items: [...chosen].map((productId) => ({ productId, quantity: 1 })) };
}
