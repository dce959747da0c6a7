import { unreachable } from '@shop/chassis/unreachable';
import type { IssueAnswer, ShopAtRest } from './shop-at-rest.ts';
import { isCalm } from './world.ts';

/** Compares the answers about coupons issued first come, first served, with the rows. */
export function* issueViolations(shop: ShopAtRest): Iterable<string> {
  const coupons = [...shop.coupon.coupons.committed.values()];
  const told = shop.answers.flatMap((answer) => answer.issue ?? []);
  for (const policy of shop.coupon.policies.committed.values()) {
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
      for (const wrong of contradictions(shop, answer, holder(answer.userId), isSoldOut))
        yield `7: ${words}: ${wrong}; ${what}`;
    }
  }
}

function* contradictions(
  shop: ShopAtRest,
  answer: IssueAnswer,
  held: string | undefined,
  isSoldOut: boolean,
): Iterable<string> {
  const { kind, way, couponId, requestId, hadOne } = answer;
  switch (kind) {
    case 'ISSUED':
    case 'OWNED':
      if (couponId === undefined || held !== couponId) yield `got ${couponId}, has ${held}`;
      return;
    case 'SOLD_OUT':
      // The database's word is final. The door's answer may be due to unclaimed places, or to lost ones.
      if ((way === 'database' || isCalm(shop.world)) && !isSoldOut) yield 'some are left';
      if (way === 'database' && held) yield `has ${held}`;
      // A user who asks twice at once has one place. (A request on the log has none: it may still win over others'
      // places.)
      if (way === 'door' && isCalm(shop.world) && held && !asksOverLog(shop, answer)) yield `has ${held}`;
      if (hadOne && shop.redisTroubles === 0) yield 'had one before, and Redis lost nothing';
      return;
    case 'ACCEPTED': {
      const row = shop.coupon.requests.committed.get(requestId ?? '');
      if (row?.status === 'ISSUED' ? row.couponId !== held || !held : row?.status !== 'SOLD_OUT') {
        yield `the request is ${row?.status} with ${row?.couponId}, has ${held}`;
      }
      if (row?.status === 'SOLD_OUT' && (held || !isSoldOut)) yield `the request is SOLD_OUT, has ${held}`;
      return;
    }
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
