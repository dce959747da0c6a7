/** A plausible mistake: one text of one file, and its replacement. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** A second replacement that the first requires. */
  readonly also?: { readonly from: string; readonly to: string };
}

export const MUTATIONS: readonly Mutation[] = [
  {
    name: 'consumer: the inbox claim is ignored',
    file: 'libs/events/src/consumer/apply.ts',
    from: 'return [...byId.values()].filter((event) => claimed.has(event.id));',
    to: 'return claimed.size >= 0 ? [...byId.values()] : [];',
  },
  {
    name: 'consumer: later messages of a parked key are handled',
    file: 'libs/events/src/consumer/apply.ts',
    from: 'if (key !== null && parkedKeys.has(key)) letters.push(parkedLetter(message));',
    to: "if (key === '' && parkedKeys.has(key)) letters.push(parkedLetter(message));",
  },
  {
    name: 'consumer: what stands behind a dead letter in its own batch is dropped',
    file: 'libs/events/src/consumer/apply.ts',
    from: 'await writeLetters(deps, tx, [...letters, ...behind.map(parkedLetter)]);',
    to: 'await writeLetters(deps, tx, behind.length < 0 ? [] : letters);',
  },
  {
    name: 'consumer: the first half of a bisected batch is taken for done',
    file: 'libs/events/src/consumer/isolate.ts',
    from: 'await divide(work, free.slice(0, middle));',
    to: 'if (middle < 1) await divide(work, free.slice(0, middle));',
  },
  {
    name: 'consumer: an outage is dead-lettered as if the message were guilty',
    file: 'libs/events/src/consumer/persist.ts',
    from: "if (kind === 'poison') throw error;",
    to: "if (kind !== 'conflict') throw error;",
  },
  {
    name: 'consumer: offsets are committed before the transaction',
    file: 'libs/events/src/consumer/batch-queue.ts',
    from: 'queue.push({ batch, resolve, reject, messages: undefined, done: 0 });',
    to: 'queue.push({ batch, resolve, reject, messages: undefined, done: 0 });\n        resolve();',
  },
  {
    name: 'redriver: the key is freed before all that is parked behind it was applied',
    file: 'libs/events/src/dead-letters/redrive-store.ts',
    from: 'if (waiting.length > 0) return false;',
    to: 'if (waiting.length > 1_000) return false;',
  },
  {
    name: 'redriver: it applies without claiming',
    file: 'libs/events/src/dead-letters/redriver.ts',
    from: 'if (claimed.has(event.id)) {',
    to: 'if (claimed.size >= 0) {',
  },
  {
    name: 'relay: the outbox is emptied before it was sent',
    file: 'libs/events/src/relay/relay.ts',
    from: '  const { taken, refusals } = await deliver(broker, rows);',
    to: '  await work.store.deleteOutbox(rows);\n  const { taken, refusals } = await deliver(broker, rows);',
  },
  {
    name: 'relay: it keeps a cursor and passes over a lower id that commits later',
    file: 'libs/events/src/relay/relay.ts',
    from: 'const rows = await store.readOutbox(batch, { except: holds.parts });',
    to: `const state = work as { cursor?: number };
  const rows = (await store.readOutbox(batch, { except: holds.parts })).filter((row) => row.seq > (state.cursor ?? 0));
  state.cursor = rows.at(-1)?.seq ?? state.cursor ?? 0;`,
  },
  {
    name: 'relay: it sends in the wrong order',
    file: 'libs/events/src/relay/relay.ts',
    from: 'const rows = await store.readOutbox(batch, { except: holds.parts });',
    to: 'const rows = (await store.readOutbox(batch, { except: holds.parts })).reverse();',
  },
  {
    name: 'relay: it sends from memory across a gap',
    file: 'libs/events/src/relay/outbox-ledger.ts',
    from: 'else if (!done.has(seq)) break;',
    to: 'else if (!done.has(seq) && seq > Math.max(...rows.keys())) break;',
  },
  {
    name: 'relay: it sends from memory while earlier transactions may still be open',
    file: 'libs/events/src/relay/outbox-ledger.ts',
    from: 'rows.size === 0 || !isOpen',
    to: 'rows.size === 0',
    also: {
      from: 'if (next === undefined) begin(row.seq, now);',
      to: 'next = Math.min(next ?? row.seq, row.seq);',
    },
  },
  {
    name: 'relay: what stands behind a refused event is sent',
    file: 'libs/events/src/relay/deliver.ts',
    from: '!refusals.some((part) => isIn(part, row))',
    to: 'row.seq > 0',
  },
  {
    name: 'relay: what the broker refuses is taken for sent',
    file: 'libs/events/src/relay/relay.ts',
    from: '  sent.add(taken);\n  ledger.sent(rows',
    to: '  sent.add(rows);\n  ledger.sent(rows',
  },
  {
    name: 'relay: later events of a refused topic are sent',
    file: 'libs/events/src/relay/holds.ts',
    from: 'has: (row) => waiting.some((part) => isIn(part, row)),',
    to: 'has: () => false,',
    also: { from: '    get parts() {\n      return waiting;', to: '    get parts() {\n      return [];' },
  },
  {
    name: 'relay: a topic is taken again, and its waiting events are forgotten by the ledger',
    file: 'libs/events/src/relay/relay.ts',
    from: '    holds.release(part);\n    ledger.reset();',
    to: '    holds.release(part);',
  },
  {
    name: 'relay: ids are drawn, not derived',
    file: 'libs/events/src/outbox/outbox.ts',
    from: "definition.id === 'derived' ? deriveEventId(key, type)",
    to: "definition.id === 'derived' ? crypto.randomUUID()",
  },
  {
    name: 'clock: each machine believes its own',
    file: 'libs/chassis/src/database/database-clock.ts',
    from: 'now: () => (offset ? Math.floor(monotonic() + offset.offsetMs) : wallClock())',
    to: 'now: () => wallClock()',
  },
  {
    name: 'coupon: it is judged when the order is looked at, not when it was placed',
    file: 'services/coupon/src/domain/redemption.ts',
    from: 'isUsable(coupon, userId, acceptedAt(orderId))',
    to: 'isUsable(coupon, userId, now)',
  },
  {
    name: 'order: it completes without knowing the reservation',
    file: 'services/order/src/domain/decide.ts',
    from: 'if (!reservation || !payment) return withoutEvents(state);',
    to: `if (!payment) return withoutEvents(state);
  if (!reservation) return { state: { ...state, status: 'COMPLETED', reservation: { lines: [], totalAmount: payment.paidAmount }, payment, completedAt: now }, events: [] };`,
  },
  {
    name: 'order: a cancelled order completes after all',
    file: 'services/order/src/domain/decide.ts',
    from: "    case 'CANCELLED':\n",
    to: "    case 'CANCELLED':\n      if (input.type === 'payment-completed') return decidePending({ ...state, status: 'PENDING' }, input, now);\n",
  },
  {
    name: 'order: the sweeper never runs',
    file: 'services/order/src/usecases/expire-orders.ts',
    from: 'const expired = await expireBatch();',
    to: 'const expired = Date.now() < 0 ? await expireBatch() : 0;',
  },
  {
    name: 'order: a repeated key places another order',
    file: 'services/order/src/usecases/place-order.ts',
    from: "!idempotency || outcomes.get(placement.orderId)?.kind === 'new'",
    to: "!idempotency || outcomes.get(placement.orderId)?.kind !== 'mismatch'",
  },
  {
    name: 'order: order-cancelled is not sent for a completed order',
    file: 'services/order/src/domain/decide.ts',
    from: "  return { state: cancelled, events: [{ type: 'order-cancelled', data }] };",
    to: "  return { state: cancelled, events: completedAt ? [] : [{ type: 'order-cancelled', data }] };",
  },
  {
    name: 'order: it cancels without naming the coupon',
    file: 'services/order/src/domain/decide.ts',
    from: '    couponId: state.couponId,\n    reason,',
    to: '    couponId: null,\n    reason,',
  },
  {
    name: 'catalog: VOID is forgotten',
    file: 'services/catalog/src/domain/reservation.ts',
    from: "return { reservation: { status: 'VOID', orderId, userId, couponId, reason }, products: [], events: [] };",
    to: 'return NOTHING;',
  },
  {
    name: 'catalog: sold stock is not restored',
    file: 'services/catalog/src/domain/reservation.ts',
    from: '        products: move(reservation.lines, products, (product, quantity) => ({\n          available: product.available + quantity,',
    to: "        products: reservation.status === 'SOLD' ? [] : move(reservation.lines, products, (product, quantity) => ({\n          available: product.available + quantity,",
  },
  {
    name: 'catalog: a line is reserved although another is out of stock',
    file: 'services/catalog/src/domain/reservation.ts',
    from: "  if (outOfStock !== undefined) return reject('OUT_OF_STOCK', outOfStock, null);",
    to: "  if (outOfStock !== undefined) return { ...reject('OUT_OF_STOCK', outOfStock, null), products: moved.filter((it) => it.available >= 0) };",
  },
  {
    name: 'catalog: the expected total is not looked at',
    file: 'services/catalog/src/domain/reservation.ts',
    from: 'order.expectedTotal !== null && order.expectedTotal !== totalAmount',
    to: 'order.expectedTotal !== null && order.expectedTotal < 0',
  },
  {
    name: 'coupon: VOID is forgotten',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "return { redemption: { status: 'VOID', orderId, userId, couponId, reason }, events: [] };",
    to: 'return NOTHING;',
  },
  {
    name: 'coupon: a used coupon is redeemed again',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "return 'COUPON_ALREADY_USED';",
    to: 'return coupon;',
  },
  {
    name: 'coupon: a cancelled order keeps its coupon',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "return { redemption: { ...redemption, status: 'RETURNED' }, coupon: unused(coupon, now), events: [] };",
    to: "return { redemption: { ...redemption, status: 'RETURNED' }, events: [] };",
  },
  {
    name: 'coupon: one that is given back is always expired',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "status: isOver(coupon, now) ? 'EXPIRED' : 'ISSUED'",
    to: "status: 'EXPIRED'",
  },
  {
    name: 'coupon: its time is not looked at',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "return isOver(coupon, now) ? 'COUPON_EXPIRED' : coupon;",
    to: 'return coupon;',
  },
  {
    name: 'coupon: another user’s can be used',
    file: 'services/coupon/src/domain/redemption.ts',
    from: 'if (!coupon || coupon.userId !== userId)',
    to: 'if (!coupon)',
  },
  {
    name: 'coupon: it takes off more than the order costs',
    file: 'services/coupon/src/domain/discount.ts',
    from: 'Math.min(discount.amount, totalAmount)',
    to: 'discount.amount',
  },
  {
    name: 'coupon: two orders of one batch are decided on what was loaded',
    file: 'services/coupon/src/domain/batch.ts',
    from: 'if (decision.coupon) coupons.set(decision.coupon.couponId, decision.coupon);',
    to: "if (decision.coupon) coupons.set('', decision.coupon);",
  },
  {
    name: 'coupon: a coupon that is read is not locked',
    file: 'test/simulation/memory-redemption-store.ts',
    from: 'const coupons = await tx.lock(tables.coupons, [...wanted].sort());',
    to: 'const coupons = [...wanted].sort().flatMap((key) => tx.get(tables.coupons, key) ?? []);',
  },
  {
    name: 'coupons: what remains is not looked at',
    file: 'services/coupon/src/domain/issue.ts',
    from: "if (remaining <= 0) return { kind: 'SOLD_OUT' };",
    to: "if (remaining < -99) return { kind: 'SOLD_OUT' };",
  },
  {
    name: 'coupons: the policy is not locked',
    file: 'test/simulation/memory-coupon-store.ts',
    from: 'return await tx.lock(tables.policies, ids.map(String));',
    to: 'return ids.flatMap((id) => tx.get(tables.policies, String(id)) ?? []);',
  },
  {
    name: 'coupons: who has one already is told that it is sold out',
    file: 'services/coupon/src/domain/issue.ts',
    from: 'if (own) return {',
    to: 'if (own && (left.get(own.couponPolicyId) ?? 0) > 0) return {',
  },
  {
    name: 'coupons: they are issued without their event',
    file: 'services/coupon/src/usecases/issue-coupons.ts',
    from: 'issued.map((coupon) => toEvent(coupon, byRequest, causes.get(coupon.couponId))),',
    to: '[],',
  },
  {
    name: 'coupons: a policy counts as sold out as soon as anybody asks',
    file: 'services/coupon/src/usecases/ask-for-coupon.ts',
    from: "if (outcome.kind === 'SOLD_OUT') policies.soldOut(policy.couponPolicyId);",
    to: 'policies.soldOut(policy.couponPolicyId);',
  },
  {
    name: 'coupons: the outcome of a request over the log is not written',
    file: 'services/coupon/src/usecases/request-issue.ts',
    from: 'await requests.saveOutcomes(tx, decided, now());',
    to: 'await requests.saveOutcomes(tx, decided.slice(1), now());',
  },
  {
    name: 'coupons: one who has a place is told that it is sold out',
    file: 'test/simulation/simulated-redis.ts',
    from: 'if (!held && holders.size >= totalQuantity)',
    to: 'if (holders.size >= totalQuantity)',
  },
  {
    name: 'coupons: the reconciler does not add holders that are missing',
    file: 'services/coupon/src/usecases/reconcile-door.ts',
    from: 'await door.confirm(missing);',
    to: '',
  },
  {
    name: 'coupons: the reconciler does not give places back',
    file: 'services/coupon/src/usecases/reconcile-door.ts',
    from: 'await door.remove([...stale, ...unknown]);',
    to: 'await door.remove(unknown);',
  },
  {
    name: 'coupons: a request over the log is issued after the end of its policy',
    file: 'services/coupon/src/domain/issue.ts',
    from: "if (openness === 'ENDED') return { kind: 'ENDED' };",
    to: "if (openness === 'ENDED' && !opennessJudged) return { kind: 'ENDED' };",
  },
  {
    name: 'coupons: the end of a policy does not take the lock of issuing',
    file: 'test/simulation/memory-policy-end-store.ts',
    from: 'lockPolicies: coupons.lockPolicies,',
    to: 'lockPolicies: async (tx, ids) => (coupons ? ids.flatMap((id) => tx.get(tables.policies, String(id)) ?? []) : []),',
  },
  {
    name: 'coupons: a policy that has ended is not revoked any more',
    file: 'services/coupon/src/domain/policy-end.ts',
    from: 'if (ends.some((it) => it.revoke || !wish.revoke)) return undefined;',
    to: 'if (ends.length > 0) return undefined;',
  },
  {
    name: 'coupons: revoking stops after its first batch',
    file: 'services/coupon/src/usecases/revoke-coupons.ts',
    from: 'if (!last) {',
    to: 'if (!last || after > 0) {',
  },
  {
    name: 'coupons: revoking passes over what an order uses',
    file: 'services/coupon/src/domain/redemption.ts',
    from: 'return coupon.revokedAt ? coupon : { ...coupon, revokedAt: at };',
    to: 'return at ? coupon : { ...coupon, revokedAt: at };',
  },
  {
    name: 'coupons: revoking takes away what an order uses',
    file: 'services/coupon/src/domain/redemption.ts',
    from: 'return coupon.revokedAt ? coupon : { ...coupon, revokedAt: at };',
    to: "return { ...coupon, status: 'REVOKED', revokedAt: at };",
  },
  {
    name: 'coupons: revoking does not lock what it read',
    file: 'test/simulation/memory-policy-end-store.ts',
    from: 'return await tx.lock(tables.coupons, ids);',
    to: 'return ids.flatMap((id) => tx.get(tables.coupons, id) ?? []);',
  },
  {
    name: 'coupon: a revoked one is usable again when its order is cancelled',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "if (coupon.revokedAt) return { ...coupon, status: 'REVOKED' };",
    to: '',
  },
  {
    name: 'coupon: a revoked one can be used',
    file: 'services/coupon/src/domain/redemption.ts',
    from: "return 'COUPON_REVOKED';",
    to: 'return coupon;',
  },
  {
    name: 'payment: VOID is forgotten',
    file: 'services/payment/src/domain/payment.ts',
    from: "return { payment: { status: 'VOID', orderId, userId, reason }, balance, entries: [], events: [] };",
    to: 'return undefined;',
  },
  {
    name: 'payment: a failed payment is refunded',
    file: 'services/payment/src/domain/payment.ts',
    from: "    case 'FAILED':\n    case 'VOID':\n      return undefined;",
    to: "    case 'FAILED':\n      return { payment, balance: balance + 1, entries: [], events: [] };\n    case 'VOID':\n      return undefined;",
  },
  {
    name: 'payment: a refunded payment still counts as captured',
    file: 'services/payment/src/domain/payment.ts',
    from: "payment: { ...payment, status: 'REFUNDED' },",
    to: "payment: { ...payment, status: 'COMPLETED' },",
  },
  {
    name: 'payment: it takes the total of an order with a coupon',
    file: 'services/payment/src/domain/payment.ts',
    from: 'event.data.payableAmount, event.data.discountAmount',
    to: 'event.data.totalAmount, event.data.discountAmount',
  },
  {
    name: 'payment: the discount of the coupon is refunded too',
    file: 'services/payment/src/domain/payment.ts',
    from: 'const amount = payment.paidAmount;',
    to: 'const amount = payment.paidAmount + payment.discountAmount;',
  },
  {
    name: 'payment: an account that is read is not locked',
    file: 'test/simulation/memory-payment-store.ts',
    from: 'const accounts = await tx.lock(tables.accounts, keys);',
    to: 'const accounts = keys.flatMap((key) => tx.get(tables.accounts, key) ?? []);',
  },
  {
    name: 'payment: its events are not in the transaction of the payment',
    file: 'services/payment/src/usecases/pay-orders.ts',
    from: 'if (decided.events.length > 0) await outbox.append(tx, decided.events);',
    to: 'if (decided.events.length > 0) queueMicrotask(() => void outbox.append(tx, decided.events).catch(() => undefined));',
  },
];
