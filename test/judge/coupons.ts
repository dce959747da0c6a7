/** What one request for a coupon of one policy was told. Times are of one clock. */
export interface Ask {
  readonly userId: number;
  readonly called: number;
  /** Infinity: no answer came, or none that is final. */
  readonly returned: number;
  readonly told:
    | { readonly kind: 'ISSUED'; readonly couponId: string }
    | { readonly kind: 'SOLD_OUT'; readonly way?: 'door' | 'database' | undefined }
    | undefined;
}

/**
 * Judges all answers of one policy with `quantity` coupons: could one shop that decides one request after the other
 * have given them? Returns each contradiction in words.
 *
 * A coupon is issued for good. A request without an answer may hold a place, and may give it back; so "sold out" is
 * explained by as many users who were issued a coupon, or may have held a place, as there are coupons, all of whom had
 * asked before that answer came. Places are all alike, so this condition is not only necessary: put the requests of
 * those users in the order of their calls, and "sold out" behind the last of them.
 *
 * @param doorForgets true where the door could not be told of every coupon, as while Redis was away for an instance:
 * then it may turn an owner away, until it is loaded again (ADR 10)
 */
export function judgeCoupons(quantity: number, asks: readonly Ask[], { doorForgets = false } = {}): string[] {
  return [...ownersContradict(asks, doorForgets), ...tooMany(quantity, asks), ...soldOutTooSoon(quantity, asks)];
}

function ownersContradict(asks: readonly Ask[], doorForgets: boolean): string[] {
  const couponOf = new Map<number, string>();
  const ownerOf = new Map<string, number>();
  const wrong: string[] = [];
  for (const { userId, told } of asks) {
    if (told?.kind !== 'ISSUED') continue;
    const other = couponOf.get(userId);
    if (other !== undefined && other !== told.couponId)
      wrong.push(`user ${userId} was issued the coupons ${other} and ${told.couponId}`);
    const owner = ownerOf.get(told.couponId);
    if (owner !== undefined && owner !== userId)
      wrong.push(`coupon ${told.couponId} was issued to the users ${owner} and ${userId}`);
    couponOf.set(userId, told.couponId);
    ownerOf.set(told.couponId, userId);
  }
  return [...wrong, ...ownersTurnedAway(doorForgets ? asks.filter(isNotTheDoors) : asks)];
}

const isNotTheDoors = ({ told }: Ask) => told?.kind !== 'SOLD_OUT' || told.way !== 'door';

/** Whoever knows of a coupon is never told that it is sold out. */
function ownersTurnedAway(asks: readonly Ask[]): string[] {
  const knownSince = new Map<number, number>();
  for (const { userId, returned, told } of asks) {
    if (told?.kind === 'ISSUED') knownSince.set(userId, Math.min(returned, knownSince.get(userId) ?? Infinity));
  }
  return asks
    .filter(({ userId, called, told }) => told?.kind === 'SOLD_OUT' && (knownSince.get(userId) ?? Infinity) < called)
    .map(({ userId }) => `user ${userId} was issued a coupon, and told later that it is sold out`);
}

function tooMany(quantity: number, asks: readonly Ask[]): string[] {
  const owners = new Set(asks.filter((it) => it.told?.kind === 'ISSUED').map((it) => it.userId));
  return owners.size > quantity ? [`${owners.size} users were issued a coupon of ${quantity}`] : [];
}

function soldOutTooSoon(quantity: number, asks: readonly Ask[]): string[] {
  const earliest = new Map<number, number>();
  for (const { userId, called, told } of asks) {
    if (told?.kind !== 'SOLD_OUT') earliest.set(userId, Math.min(called, earliest.get(userId) ?? Infinity));
  }
  const takers = [...earliest.values()].sort((a, b) => a - b);
  // When the place that was the last one was asked for at the earliest.
  const lastTaken = quantity === 0 ? -Infinity : (takers[quantity - 1] ?? Infinity);
  return asks
    .filter((it) => it.told?.kind === 'SOLD_OUT' && it.returned < lastTaken)
    .map(({ userId, returned }) => {
      const asked = takers.filter((called) => called <= returned).length;
      return `user ${userId} was told that it is sold out when at most ${asked} of ${quantity} were taken`;
    });
}
