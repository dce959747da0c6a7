import { type Batcher, type Client, CommitOutcomeUnknownError, DomainError, isOutage } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import { acceptedAt, type Coupon, newCoupon } from '../domain/coupon.ts';
import type { IssueOutcome } from '../domain/issue.ts';
import { type Openness, opennessOf, type Policy } from '../domain/policy.ts';
import type { Door, Entry } from './door.ts';
import { createDoorman, type Doorman } from './doorman.ts';
import type { QueuedIssue } from './issue-coupons.ts';
import type { DoorLoader } from './load-door.ts';
import type { Ownership } from './owners.ts';
import type { Policies } from './policies.ts';

/** The source of an answer. */
export type Way = 'door' | 'database';

export interface Asked {
  readonly outcome: IssueOutcome;
  readonly way: Way;
}

interface Dependencies {
  readonly policies: Policies;
  readonly door: Door;
  readonly loader: DoorLoader;
  /** The writer: one transaction for all waiting requests. */
  readonly issues: Pick<Batcher<QueuedIssue, IssueOutcome>, 'submit' | 'waiting' | 'refusal'>;
  /** The coupon of a user for a policy: one plain read for all waiting requests. */
  readonly owned: Pick<Batcher<Ownership, Coupon | undefined>, 'submit'>;
  /** Most requests that may wait for the writer while the door is away. */
  readonly maxWithoutDoor: number;
  readonly logger: { error(details: object, message: string): void };
  /** ms since any moment; by default a clock that is never set back. */
  readonly now?: () => number;
}

/** The dependencies of an answer's steps. */
interface Asking extends Pick<Dependencies, 'policies' | 'issues' | 'owned' | 'maxWithoutDoor'> {
  readonly doorman: Doorman;
}

/** One request before the door is asked, during its time of issue or after. */
interface Case {
  readonly policy: Policy;
  readonly request: QueuedIssue;
  readonly client: Client | undefined;
  readonly openness: Exclude<Openness, 'EARLY'>;
  /** Whether the database has said that all coupons are issued. */
  readonly soldOut: boolean;
  /** Why the writer would refuse the request; undefined when it would accept it, or is not needed. */
  readonly busy: DomainError | undefined;
  /** Whether a place is wanted. */
  readonly take: boolean;
}

/**
 * A user asks for a coupon and gets a final answer (`ask`). The door (Redis) answers users who already have one and
 * users who come too late. Admitted users get the writer's answer, after the commit. Without the door all requests go
 * to the database.
 */
export function createAskForCoupon({ door, loader, logger, now, ...rest }: Dependencies) {
  const asking: Asking = { ...rest, doorman: createDoorman({ door, loader, logger, now }) };
  return {
    /** @throws {DomainError} SERVICE_UNAVAILABLE at once, if only the writer could answer and it is busy */
    ask: (request: QueuedIssue, client?: Client): Promise<Asked> => ask(asking, request, client),

    /**
     * The answer to a request for the log that needs no log: if nothing is issued now or all are sold out, it ends
     * here, so that late requests leave no rows and no events. Sold out has the same meaning as in `ask`: the database
     * has given all away, or holders and places together reach the quantity. Takes no place.
     * @returns undefined for a request that the log must decide
     */
    askBeforeLog: (request: QueuedIssue): Promise<Asked | undefined> => askBeforeLog(asking, request),
  };
}

export type AskForCoupon = ReturnType<typeof createAskForCoupon>;

async function ask(asking: Asking, request: QueuedIssue, client: Client | undefined): Promise<Asked> {
  const { policies, issues, doorman } = asking;
  const { couponPolicyId, userId } = request;
  const policy = await policies.find(couponPolicyId);
  if (!policy) return atDoor({ kind: 'NO_POLICY' });
  const openness = opennessOf(policy, acceptedAt(request.requestId));
  if (openness === 'EARLY') return atDoor({ kind: 'NOT_OPEN' });
  const soldOut = policies.isSoldOut(couponPolicyId);
  const isWanted = openness === 'OPEN' && !soldOut;
  // No place is taken that would be given back at once: it would keep others out meanwhile.
  const busy = isWanted ? issues.refusal(client) : undefined;
  const take = isWanted && !busy;
  const entry = await doorman.knock(policy, userId, take);
  return answer(asking, { policy, request, client, openness, soldOut, busy, take }, entry);
}

async function askBeforeLog(asking: Asking, request: QueuedIssue): Promise<Asked | undefined> {
  const { policies, doorman } = asking;
  const { couponPolicyId, requestId, userId } = request;
  const policy = await policies.find(couponPolicyId);
  const isOpen = policy && opennessOf(policy, acceptedAt(requestId)) === 'OPEN';
  if (!isOpen || policies.isSoldOut(couponPolicyId)) return ask(asking, request, undefined);
  const entry = await doorman.knock(policy, userId, false);
  return entry?.kind === 'SOLD_OUT' ? atDoor({ kind: 'SOLD_OUT' }) : undefined;
}

const atDoor = (outcome: IssueOutcome): Asked => ({ outcome, way: 'door' });

/** @param entry the door's answer; undefined while it is away */
async function answer(asking: Asking, of: Case, entry: Entry | undefined): Promise<Asked> {
  const { busy, openness, policy, soldOut } = of;
  switch (entry?.kind) {
    case 'HOLDS':
      return answerHolder(asking, of, entry.couponId);
    case 'SOLD_OUT':
      return atDoor({ kind: tooLate(openness) });
    case 'PLACE':
    case 'PENDING':
      // A refusal here does not give back the place of the earlier request under way.
      if (busy) throw busy;
      return write(asking, of, entry.token);
    case 'NONE':
      if (busy) throw busy;
      // The door does not see that the database has given all away: it does not know all holders.
      if (soldOut) asking.doorman.mend(policy);
      return look(asking, of);
    default:
      return answerWithoutDoor(asking, of);
  }
}

/** The coupon that the door names; its status is in the database. */
async function answerHolder(asking: Asking, of: Case, couponId: string): Promise<Asked> {
  const { policy, request, busy, take } = of;
  const { couponPolicyId, userId } = request;
  let coupon: Coupon | undefined;
  try {
    coupon = await asking.owned.submit(request);
  } catch (error) {
    // Behind a read of a database that is away, the next ones are refused as too many, or as too late.
    const isRefused = error instanceof DomainError && error.code === 'SERVICE_UNAVAILABLE';
    if (!isRefused && !isOutage(error)) throw error;
    // All but the status follows from the id. An order with the coupon needs the database anyway.
    coupon = newCoupon(policy, { requestId: couponId, userId });
  }
  if (coupon) return atDoor({ kind: 'OWNED', coupon });
  // The database has no such coupon (e.g. after a restore): the door is wrong.
  await asking.doorman.clear({ couponPolicyId, userId, value: couponId });
  if (busy) throw busy;
  return take ? write(asking, of) : look(asking, of);
}

async function answerWithoutDoor(asking: Asking, of: Case): Promise<Asked> {
  if (of.busy) throw of.busy;
  if (!of.take) return look(asking, of);
  if (asking.issues.waiting >= asking.maxWithoutDoor) {
    throw new DomainError('SERVICE_UNAVAILABLE', 'Too many requests are waiting.');
  }
  return write(asking, of);
}

/** The database's answer for a user who needs no place: users without a coupon are too late. */
async function look({ owned }: Asking, { request, openness }: Case): Promise<Asked> {
  const coupon = await owned.submit(request);
  return { outcome: coupon ? { kind: 'OWNED', coupon } : { kind: tooLate(openness) }, way: 'database' };
}

/** What a user without a coupon is told when no more are issued. */
function tooLate(openness: Case['openness']): 'SOLD_OUT' | 'NOT_OPEN' | 'ENDED' {
  switch (openness) {
    case 'OPEN':
      return 'SOLD_OUT';
    case 'OVER':
      return 'NOT_OPEN';
    case 'ENDED':
      return 'ENDED';
    default:
      return unreachable(openness);
  }
}

/** @param token the value of the user's place at the door, if any */
async function write(asking: Asking, { policy, request, client }: Case, token?: string): Promise<Asked> {
  const { policies, issues, doorman } = asking;
  const { couponPolicyId, userId } = request;
  const leave = () => {
    if (token) void doorman.clear({ couponPolicyId, userId, value: token });
  };
  let outcome: IssueOutcome;
  try {
    outcome = await issues.submit(request, client);
  } catch (error) {
    // It is unknown whether the commit happened: the place stays, for the retry or the reconciler.
    if (!(error instanceof CommitOutcomeUnknownError)) leave();
    throw error;
  }
  if (outcome.kind === 'SOLD_OUT') policies.soldOut(policy.couponPolicyId);
  if (outcome.kind === 'ENDED') policies.forget(policy.couponPolicyId);
  if (outcome.kind !== 'ISSUED' && outcome.kind !== 'OWNED') {
    leave();
    // The door let in a user although none was left: it does not know all holders. It never knows of an end.
    if (token && outcome.kind !== 'ENDED') doorman.mend(policy);
  }
  return { outcome, way: 'database' };
}
