import { type ItemResult, succeeded, type Transactor } from '@shop/chassis';
import type { Cause, NewEvent, Outbox } from '@shop/events';
import { acceptedAt } from '../domain/coupon.ts';
import type { IssueOutcome, IssueRequest } from '../domain/issue.ts';
import { type CouponStore, issueIn, type QueuedIssue } from './issue-coupons.ts';

/** The requests that go over the log, in one schema. */
export interface RequestStore<Tx> {
  /** Inserts them as PENDING. */
  insertPending(tx: Tx, requests: readonly QueuedIssue[], at: Date): Promise<void>;
  /** Writes the outcomes; a request without a row gets one. */
  saveOutcomes(tx: Tx, decided: readonly DecidedRequest[], at: Date): Promise<void>;
}

export interface DecidedRequest extends QueuedIssue {
  readonly status: 'ISSUED' | 'SOLD_OUT' | 'ENDED';
  /** The request's own coupon, or the one that the user already had. */
  readonly couponId: string | null;
}

interface Dependencies<Tx> {
  readonly transactor: Transactor<Tx>;
  readonly requests: RequestStore<Tx>;
  readonly outbox: Outbox<Tx>;
  readonly now: () => Date;
}

/**
 * Accepts requests for the log, all waiting ones in one transaction: the run of a batcher. @returns each request's id.
 */
export function createRequestIssue<Tx>({ transactor, requests, outbox, now }: Dependencies<Tx>) {
  return async (accepted: readonly QueuedIssue[]): Promise<ItemResult<string>[]> => {
    await transactor.transaction(async (tx) => {
      await requests.insertPending(tx, accepted, now());
      await outbox.append(
        tx,
        accepted.map((request) => ({ ...issueRequested(request), ...(request.cause ? { cause: request.cause } : {}) })),
      );
    });
    return accepted.map(({ requestId }) => succeeded(requestId));
  };
}

/** The event of a request that goes over the log. */
export function issueRequested({ couponPolicyId, requestId, userId }: IssueRequest): NewEvent {
  const data = { couponPolicyId, requestId, userId, requestedAt: acceptedAt(requestId).getTime() };
  return { type: 'coupon-issue-requested', data };
}

interface LogDependencies<Tx> extends Omit<Dependencies<Tx>, 'transactor'> {
  readonly coupons: CouponStore<Tx>;
  /** Called once after the commit. Must not throw. */
  readonly onDecided: (outcomes: readonly IssueOutcome[]) => void;
}

/**
 * Issues the requests on the log, in its order, in the consumer's transaction, and writes each outcome. Whether the
 * policy was open was checked when the request was accepted; the time in its id is that moment.
 */
export function createIssueFromLog<Tx extends { onCommit(hook: () => void): void }>(dependencies: LogDependencies<Tx>) {
  const { coupons, requests, outbox, onDecided, now } = dependencies;
  return async (tx: Tx, requested: readonly (QueuedIssue & { readonly cause: Cause })[]): Promise<void> => {
    const outcomes = await issueIn({ store: coupons, outbox }, tx, requested, { byRequest: true });
    const decided = requested.map((request, index) => ({ ...request, ...resultOf(request, outcomes[index]) }));
    await requests.saveOutcomes(tx, decided, now());
    tx.onCommit(() => onDecided(outcomes));
  };
}

function resultOf(
  request: QueuedIssue,
  outcome: IssueOutcome | undefined,
): Pick<DecidedRequest, 'status' | 'couponId'> {
  switch (outcome?.kind) {
    case 'ISSUED':
    case 'OWNED':
      return { status: 'ISSUED', couponId: outcome.coupon.couponId };
    case 'SOLD_OUT':
    case 'ENDED':
      return { status: outcome.kind, couponId: null };
    default:
      // Never accepted by this service: it becomes a dead letter for an operator.
      throw new Error(`request ${request.requestId} of policy ${request.couponPolicyId} is ${outcome?.kind}`);
  }
}
