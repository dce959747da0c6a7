import type { Policy } from '../../services/coupon/src/domain/policy.ts';
import type { PolicyEnd } from '../../services/coupon/src/domain/policy-end.ts';
import type { ShopAtRest } from './shop-at-rest.ts';

/** Compares what operators wished of policies with the coupons: none is issued after the end, all are revoked. */
export function* endViolations(shop: ShopAtRest): Iterable<string> {
  const all = [...shop.coupon.ends.committed.values()];
  for (const policy of shop.coupon.policies.committed.values()) {
    const ends = all.filter((it) => it.couponPolicyId === policy.couponPolicyId);
    yield* asWanted(shop, policy, ends);
    yield* couponsFit(shop, policy, ends);
    yield* eventsFit(shop, policy, ends);
  }
}

function* asWanted({ world }: ShopAtRest, policy: Policy, ends: readonly PolicyEnd[]): Iterable<string> {
  const { couponPolicyId: id, issuedCount, endedAt } = policy;
  const wanted = world.commands.flatMap((it) => (it.kind === 'end' && it.couponPolicyId === id ? [it] : []));
  const isEnded = endedAt !== null;
  if (isEnded !== wanted.length > 0 || isEnded !== ends.length > 0)
    yield `7: policy ${id} is ${isEnded ? 'ended' : 'open'}, ${wanted.length} wanted its end, ${ends.length} did it`;
  if (wanted.some((it) => it.revoke) !== ends.some((it) => it.revoke)) yield `7: policy ${id} is not revoked as wanted`;
  for (const end of ends)
    if (end.issuedCount !== issuedCount)
      yield `7: policy ${id} had issued ${end.issuedCount} at its end, and now ${issuedCount}`;
}

function* couponsFit(shop: ShopAtRest, { couponPolicyId }: Policy, ends: readonly PolicyEnd[]): Iterable<string> {
  const revocation = ends.find((it) => it.revoke);
  const own = [...shop.coupon.coupons.committed.values()].filter((it) => it.couponPolicyId === couponPolicyId);
  for (const { couponId, status, revokedAt } of own) {
    const what = `coupon ${couponId} is ${status}, revoked ${revokedAt ? 'at a time' : 'never'}`;
    if (!revocation && (status === 'REVOKED' || revokedAt)) yield `7: ${what}, its policy is not revoked`;
    if (revocation && (!revokedAt || (status !== 'USED' && status !== 'REVOKED'))) yield `7: ${what}, its policy is`;
    if (status === 'REVOKED' && !revokedAt) yield `7: ${what}`;
  }
  const revoked = own.filter((it) => it.status === 'REVOKED').length;
  // Those that an order gave back later are not counted.
  if (revocation && revocation.revokedCount > revoked)
    yield `7: ${revocation.revokedCount} coupons of policy ${couponPolicyId} were revoked, ${revoked} are`;
}

function* eventsFit(shop: ShopAtRest, { couponPolicyId }: Policy, ends: readonly PolicyEnd[]): Iterable<string> {
  const events = shop.log.filter((it) => it.key === String(couponPolicyId) && it.topic === 'coupon-events');
  const sent = new Set(events.filter((it) => it.type === 'coupon-policy-ended').map((it) => it.id));
  for (const { requestId } of ends)
    if (!sent.delete(requestId)) yield `8: coupon-policy-ended ${requestId} is on no topic`;
  for (const id of sent) yield `8: coupon-policy-ended ${id}: no such end`;
  const firstEnd = events.findIndex((it) => it.type === 'coupon-policy-ended');
  const before = new Set(events.slice(0, firstEnd).map((it) => it.id));
  const late = firstEnd < 0 ? [] : events.slice(firstEnd).filter((it) => it.type === 'coupon-issued');
  // An event that is sent again stands at its first place.
  for (const { id } of late) if (!before.has(id)) yield `8: coupon-issued ${id} stands behind the end of its policy`;
}
