import { unreachable } from '@shop/chassis/unreachable';
import { judgeCoupons } from '../judge/coupons.ts';
import type { IssueAnswer, ShopAtRest } from './shop-at-rest.ts';
import { isCalm } from './world.ts';

/** Compares the answers about coupons issued first come, first served, with the rows. */
export function* issueViolations(shop: ShopAtRest): Iterable<string> {
  const coupons = [...shop.coupon.coupons.committed.values()];
  const told = shop.answers.flatMap((answer) => answer.issue ?? []);
  for (const { couponPolicyId } of shop.world.policies) {
    const policy = shop.coupon.policies.committed.get(String(couponPolicyId));
    if (!policy) throw new Error(`policy ${couponPolicyId} is gone`);
    const { couponPolicyId: id, totalQuantity, issuedCount } = policy;
    const own = coupons.filter((it) => it.couponPolicyId === id);
    const what = `policy ${id} of ${totalQuantity} has issued ${issuedCount}`;
    if (own.length > totalQuantity || own.length !== issuedCount) yield `7: ${what}, there are ${own.length}`;
    if (new Set(own.map((it) => it.userId)).size !== own.length) yield `7: ${what}, two of them to one user`;

    const sent = shop.log.filter((it) => it.type === 'coupon-issued' && it.key === String(id)).map((it) => it.id);
    for (const { couponId } of own)
      if (!sent.includes(couponId)) yield `8: coupon-issued of ${couponId} is on no topic`;
    for (const each of sent)
      if (!own.some((it) => it.couponId === each)) yield `8: coupon-issued of ${each}: no such coupon`;

    const holder = (userId: number) => own.find((it) => it.userId === userId)?.couponId;
    const isSoldOut = issuedCount === totalQuantity;
    for (const answer of told.filter((it) => it.couponPolicyId === id)) {
      const words = `user ${answer.userId} was told ${answer.kind} by the ${answer.way}`;
      const state = { held: holder(answer.userId), isSoldOut, isEnded: policy.endedAt !== null };
      for (const wrong of contradictions(shop, answer, state)) yield `7: ${words}: ${wrong}; ${what}`;
    }
    const doorForgets = shop.redisTroubles > 0;
    for (const wrong of judgeCoupons(totalQuantity, shop.asks.get(id) ?? [], { doorForgets }))
      yield `7: policy ${id}: ${wrong}`;
  }
}

/** The policy at rest, and the coupon of the user who was answered. */
interface AtRest {
  readonly held: string | undefined;
  readonly isSoldOut: boolean;
  readonly isEnded: boolean;
}

function* contradictions(
  shop: ShopAtRest,
  answer: IssueAnswer,
  { held, isSoldOut, isEnded }: AtRest,
): Iterable<string> {
  const { kind, way, couponId, requestId, hadOne } = answer;
  switch (kind) {
    case 'ISSUED':
    case 'OWNED':
      if (couponId === undefined || held !== couponId) yield `got ${couponId}, has ${held}`;
      return;
    case 'SOLD_OUT':
      // The database's word is final. The door's answer may be due to unclaimed places, or to lost ones.
      // (A place may be that of a user who is then told that the policy has ended.)
      if ((way === 'database' || (isCalm(shop.world) && !isEnded)) && !isSoldOut) yield 'some are left';
      if (way === 'database' && held) yield `has ${held}`;
      // A user who asks twice at once has one place. (A request on the log has none: it may still win over others'
      // places.)
      if (way === 'door' && isCalm(shop.world) && held && !asksOverLog(shop, answer)) yield `has ${held}`;
      if (hadOne && shop.redisTroubles === 0) yield 'had one before, and Redis lost nothing';
      return;
    case 'ACCEPTED': {
      const row = shop.coupon.requests.committed.get(requestId ?? '');
      const isOver = row?.status === 'SOLD_OUT' || (row?.status === 'ENDED' && isEnded);
      if (row?.status === 'ISSUED' ? row.couponId !== held || !held : !isOver) {
        yield `the request is ${row?.status} with ${row?.couponId}, has ${held}`;
      }
      if (row?.status === 'SOLD_OUT' && (held || !isSoldOut)) yield `the request is SOLD_OUT, has ${held}`;
      if (row?.status === 'ENDED' && held) yield `the request is ENDED, has ${held}`;
      return;
    }
    case 'ENDED':
      if (!isEnded) yield 'the policy has not ended';
      if (held && (way === 'database' || shop.redisTroubles === 0)) yield `has ${held}`;
      return;
    case 'NOT_OPEN':
    case 'NO_POLICY':
      yield 'the policy is there and open';
      return;
    default:
      unreachable(kind);
  }
}

function asksOverLog({ world }: ShopAtRest, { userId, couponPolicyId }: IssueAnswer): boolean {
  return world.commands.some(
    (it) => it.kind === 'issue' && it.isForLog && it.userId === userId && it.couponPolicyId === couponPolicyId,
  );
}
