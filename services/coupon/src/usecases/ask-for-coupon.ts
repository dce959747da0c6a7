import {
  type Batcher,
  type Client,
  CommitOutcomeUnknownError,
  DomainError,
  isOutage,
  OutageError,
} from '@shop/chassis';
import { acceptedAt, type Coupon, newCoupon } from '../domain/coupon.ts';
import type { IssueOutcome } from '../domain/issue.ts';
import { opennessOf, type Policy } from '../domain/policy.ts';
import type { Door, Entry } from './door.ts';
import type { QueuedIssue } from './issue-coupons.ts';
import type { DoorLoader } from './load-door.ts';
import type { Ownership } from './owners.ts';
import type { Policies } from './policies.ts';

/** Where an answer came from. */
export type Way = 'door' | 'database';

export interface Asked {
  readonly outcome: IssueOutcome;
  readonly way: Way;
}

interface Dependencies {
  readonly policies: Policies;
  readonly door: Door;
  readonly loader: DoorLoader;
  /** The writer: one transaction for all that wait. */
  readonly issues: Pick<Batcher<QueuedIssue, IssueOutcome>, 'submit' | 'waiting' | 'refusal'>;
  /** The coupon that a user has of a policy: one plain read for all that wait. */
  readonly owned: Pick<Batcher<Ownership, Coupon | undefined>, 'submit'>;
  /** Requests that may wait for the writer while no door keeps the many away. */
  readonly maxWithoutDoor: number;
  readonly logger: { error(details: object, message: string): void };
  /** ms since the epoch */
  readonly now?: () => number;
}

/** While the door is away, and while it lets in too many, its state is looked at again this often, ms. */
const MEND_EVERY_MS = 1_000;

/**
 * A user asks for a coupon and gets a final answer (`ask`). The door (Redis) answers whoever has one already and
 * whoever comes too late; those it lets in get the writer's answer, after the commit. Without the door everybody goes
 * to the database.
 */
export function createAskForCoupon(dependencies: Dependencies) {
  const { policies, door, loader, issues, owned, maxWithoutDoor, logger, now = Date.now } = dependencies;
  const mendedAt = new Map<number, number>();

  /** Undefined while Redis is away. */
  async function enter(policy: Policy, userId: number, take: boolean): Promise<Entry | undefined> {
    const { couponPolicyId, totalQuantity } = policy;
    const knock = { couponPolicyId, totalQuantity, userId, take };
    try {
      if (!loader.isCurrent(couponPolicyId)) await loader.load(policy);
      const entry = await door.enter(knock);
      if (entry.kind !== 'NOT_LOADED') return entry;
      await loader.load(policy);
      const second = await door.enter(knock);
      return second.kind === 'NOT_LOADED' ? undefined : second;
    } catch (error) {
      if (error instanceof OutageError) return undefined;
      throw error;
    }
  }

  /** The answer of the database to one who needs no place: it is too late for whoever has no coupon yet. */
  async function look(request: QueuedIssue, otherwise: 'SOLD_OUT' | 'NOT_OPEN'): Promise<Asked> {
    const coupon = await owned.submit(request);
    return { outcome: coupon ? { kind: 'OWNED', coupon } : { kind: otherwise }, way: 'database' };
  }

  /** @param token what stands in the user's place at the door, if it has one */
  async function write(policy: Policy, request: QueuedIssue, client?: Client, token?: string): Promise<Asked> {
    let outcome: IssueOutcome;
    try {
      outcome = await issues.submit(request, client);
    } catch (error) {
      // Whether it was committed is not known: the place stays, for the retry or the reconciler.
      if (!(error instanceof CommitOutcomeUnknownError)) leave(request, token);
      throw error;
    }
    if (outcome.kind === 'SOLD_OUT') policies.soldOut(policy.couponPolicyId);
    if (outcome.kind !== 'ISSUED' && outcome.kind !== 'OWNED') {
      leave(request, token);
      if (token) mend(policy);
    }
    return { outcome, way: 'database' };
  }

  /** Gives a place back. Should that fail, the reconciler does it. */
  function leave({ couponPolicyId, userId }: QueuedIssue, token: string | undefined): void {
    if (token) door.remove([{ couponPolicyId, userId, value: token }]).catch(ignoreOutage);
  }

  /** The door let one in for whom nothing was left: it does not know all holders. */
  function mend(policy: Policy): void {
    const last = mendedAt.get(policy.couponPolicyId) ?? 0;
    if (now() - last < MEND_EVERY_MS) return;
    mendedAt.set(policy.couponPolicyId, now());
    loader.load(policy).catch(ignoreOutage);
  }

  function ignoreOutage(error: unknown): void {
    if (error instanceof OutageError || isOutage(error)) return;
    logger.error({ err: error }, 'the door could not be mended; the reconciler will try');
  }

  /** What the door knows of a coupon; how it stands is in the database. */
  async function heldCoupon(policy: Policy, request: QueuedIssue, couponId: string): Promise<Coupon | undefined> {
    try {
      return await owned.submit(request);
    } catch (error) {
      if (!isOutage(error)) throw error;
      // All but the status follows from the id. Who needs to know it by order needs the database too.
      return newCoupon(policy, { requestId: couponId, userId: request.userId });
    }
  }

  /** @throws {DomainError} SERVICE_UNAVAILABLE at once, where only the writer could answer and it has too much to do */
  async function ask(request: QueuedIssue, client?: Client): Promise<Asked> {
    const { couponPolicyId, userId } = request;
    const policy = await policies.find(couponPolicyId);
    if (!policy) return { outcome: { kind: 'NO_POLICY' }, way: 'door' };
    const openness = opennessOf(policy, acceptedAt(request.requestId));
    if (openness === 'EARLY') return { outcome: { kind: 'NOT_OPEN' }, way: 'door' };
    const soldOut = policies.isSoldOut(couponPolicyId);
    const isWanted = openness === 'OPEN' && !soldOut;
    // A place that would be given back at once is not taken: it would keep others out meanwhile.
    const busy = isWanted ? issues.refusal(client) : undefined;
    const take = isWanted && !busy;
    const entry = await enter(policy, userId, take);

    switch (entry?.kind) {
      case 'HOLDS': {
        const coupon = await heldCoupon(policy, request, entry.couponId);
        if (coupon) return { outcome: { kind: 'OWNED', coupon }, way: 'door' };
        // The database has no such coupon (it was restored, say): the door is wrong.
        await door.remove([{ couponPolicyId, userId, value: entry.couponId }]).catch(ignoreOutage);
        if (busy) throw busy;
        return take ? write(policy, request, client) : look(request, openness === 'OPEN' ? 'SOLD_OUT' : 'NOT_OPEN');
      }
      case 'PLACE':
      case 'PENDING':
        // Refused here, it does not give back the place of the earlier request that is at work.
        if (busy) throw busy;
        return write(policy, request, client, entry.token);
      case 'SOLD_OUT':
        if (openness !== 'OPEN') return { outcome: { kind: 'NOT_OPEN' }, way: 'door' };
        return { outcome: { kind: 'SOLD_OUT' }, way: 'door' };
      case 'NONE':
        if (busy) throw busy;
        // In the door's eyes something may be left that the database has given away: it does not know all holders.
        if (soldOut) mend(policy);
        return look(request, openness === 'OPEN' ? 'SOLD_OUT' : 'NOT_OPEN');
      default:
        if (busy) throw busy;
        if (!take) return look(request, openness === 'OPEN' ? 'SOLD_OUT' : 'NOT_OPEN');
        if (issues.waiting >= maxWithoutDoor) {
          throw new DomainError('SERVICE_UNAVAILABLE', 'Too many requests are waiting.');
        }
        return write(policy, request, client);
    }
  }

  /**
   * The answer to one who would go over the log, where there is one without it: what is not being issued now or is sold
   * out ends here, so that those who come too late leave no rows and no events behind. Sold out means what it means to
   * `ask`: the database has given all away, or holders and places together are as many as there are. Takes no place.
   * @returns undefined for a request that the log has to decide
   */
  async function askBeforeLog(request: QueuedIssue): Promise<Asked | undefined> {
    const { couponPolicyId, requestId, userId } = request;
    const policy = await policies.find(couponPolicyId);
    const isOpen = policy && opennessOf(policy, acceptedAt(requestId)) === 'OPEN';
    if (!isOpen || policies.isSoldOut(couponPolicyId)) return ask(request);
    const entry = await enter(policy, userId, false);
    return entry?.kind === 'SOLD_OUT' ? { outcome: { kind: 'SOLD_OUT' }, way: 'door' } : undefined;
  }

  return { ask, askBeforeLog };
}

export type AskForCoupon = ReturnType<typeof createAskForCoupon>;
