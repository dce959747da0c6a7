import {
  type ClaimOutcome,
  claimIdempotencyKeys,
  DomainError,
  failed,
  type IdempotencyClaim,
  type ItemResult,
  releaseIdempotencyKeys,
  succeeded,
  type Transaction,
  type Transactor,
} from '@shop/chassis';
import type { NewEvent, Outbox } from '@shop/events';
import { BALANCE_LIMIT, charge } from '../domain/charge.ts';
import type { PointEntry } from '../domain/payment.ts';
import type { PaymentProblem } from '../problems.ts';

/** Scope of the charges' Idempotency-Keys: method and path. */
export const CHARGE_SCOPE = 'POST /points/charge';

/** A request to charge points (won, a valid amount). */
export interface ChargeRequest {
  readonly userId: number;
  readonly amount: number;
  /** A UUIDv7, stored with the effect; also the id of its event. */
  readonly requestId: string;
  /** With an Idempotency-Key: its claim, of the same user and request id. */
  readonly claim?: IdempotencyClaim;
  readonly traceparent?: string;
}

/** The balance after the charge; `replayed` when an earlier request with the same key made it. */
export interface Charged {
  readonly userId: number;
  readonly balance: number;
  readonly replayed: boolean;
}

/** The accounts of one schema. */
export interface AccountStore {
  /** Locks the accounts in user id order and opens missing ones. @returns their balances. `userIds` is sorted. */
  openAccounts(tx: Transaction, userIds: readonly number[], at: Date): Promise<Map<number, number>>;
  setBalances(
    tx: Transaction,
    balances: readonly { readonly userId: number; readonly balance: number }[],
    at: Date,
  ): Promise<void>;
  addEntries(tx: Transaction, entries: readonly PointEntry[], at: Date): Promise<void>;
  /** Request id → the balance after that request's charge. */
  balancesAfter(tx: Transaction, requestIds: readonly string[]): Promise<Map<string, number>>;
}

interface Dependencies {
  readonly transactor: Transactor<Transaction>;
  readonly accounts: AccountStore;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
}

/**
 * Charges for all waiting requests in one transaction: the run of a batcher. Each gets its own result; a refusal does
 * not affect the others. Locks: idempotency keys, then accounts in user id order.
 */
export function createChargePoints(dependencies: Dependencies) {
  const { transactor, now } = dependencies;
  return (requests: readonly ChargeRequest[]): Promise<ItemResult<Charged>[]> =>
    transactor.transaction(async (tx) => {
      const at = now();
      const results = new Map<string, ItemResult<Charged>>();
      // Each round decides at least the first request of every key, so the loop ends. Claiming a released key again
      // takes no new lock: this transaction holds it.
      let open = requests;
      while (open.length > 0) {
        for (const [requestId, result] of await chargeAll(dependencies, tx, open, at)) results.set(requestId, result);
        open = open.filter(({ requestId }) => !results.has(requestId));
      }
      return requests.map(({ requestId }) => results.get(requestId) ?? failed(new Error(`${requestId} is undecided`)));
    });
}

/** Request id → its result. A request with the key of a refused one is left out: that key is free now. */
async function chargeAll(
  dependencies: Dependencies,
  tx: Transaction,
  requests: readonly ChargeRequest[],
  at: Date,
): Promise<Map<string, ItemResult<Charged>>> {
  const { accounts, now } = dependencies;
  const claims = requests.flatMap((request) => request.claim ?? []);
  const outcomes = await claimIdempotencyKeys(tx, claims, at);
  const outcomeOf = (request: ChargeRequest): ClaimOutcome => outcomes.get(request.requestId) ?? { kind: 'new' };
  const fresh = requests.filter((request) => outcomeOf(request).kind === 'new');

  const userIds = [...new Set(fresh.map((request) => request.userId))].sort((a, b) => a - b);
  const balances = await accounts.openAccounts(tx, userIds, at);
  // From here no other transaction can change these accounts: changes made while this one waited are earlier.
  const chargedAt = now();
  const made = fresh.flatMap((request) => {
    const balanceAfter = charge(balances.get(request.userId) ?? 0, request.amount);
    if (balanceAfter === undefined) return [];
    balances.set(request.userId, balanceAfter);
    return [{ request, balanceAfter }];
  });
  if (made.length > 0) await saveCharges(dependencies, tx, made, chargedAt);

  // A refused request had no effect, so its key is not remembered.
  const balanceOf = new Map(made.map(({ request, balanceAfter }) => [request.requestId, balanceAfter]));
  const refused = fresh.filter((request) => !balanceOf.has(request.requestId));
  const released = refused.flatMap((request) => request.claim ?? []);
  await releaseIdempotencyKeys(tx, released);

  // A repeat is answered from its key's charge, which may be in this same batch.
  const earlier = [...outcomes.values()].flatMap((it) => (it.kind === 'replay' ? [it.requestId] : []));
  const unknown = earlier.filter((requestId) => !outcomes.has(requestId));
  for (const [requestId, balance] of await accounts.balancesAfter(tx, unknown)) balanceOf.set(requestId, balance);

  const free = new Set(released.map(nameOf));
  const decided = requests.filter(
    (request) => !(outcomeOf(request).kind === 'mismatch' && request.claim && free.has(nameOf(request.claim))),
  );
  return new Map(decided.map((request) => [request.requestId, toResult(request, outcomeOf(request), balanceOf)]));
}

/** Writes the balances, in user id order, the entries and the events of the charges. */
async function saveCharges(
  { accounts, outbox }: Dependencies,
  tx: Transaction,
  made: readonly Made[],
  chargedAt: Date,
): Promise<void> {
  // An account's last charge has its balance after all of them.
  const balanceOf = new Map(made.map(({ request, balanceAfter }) => [request.userId, balanceAfter]));
  const balances = [...balanceOf].map(([userId, balance]) => ({ userId, balance }));
  await accounts.setBalances(
    tx,
    balances.sort((a, b) => a.userId - b.userId),
    chargedAt,
  );
  await accounts.addEntries(tx, made.map(toEntry), chargedAt);
  await outbox.append(
    tx,
    made.map((it) => toEvent(it, chargedAt)),
  );
}

function nameOf({ userId, scope, key }: IdempotencyClaim): string {
  return `${userId} ${scope} ${key}`;
}

interface Made {
  readonly request: ChargeRequest;
  readonly balanceAfter: number;
}

function toEntry({ request: { userId, amount, requestId }, balanceAfter }: Made): PointEntry {
  return { userId, type: 'CHARGE', amount, balanceAfter, orderId: null, requestId };
}

function toEvent({ request, balanceAfter }: Made, chargedAt: Date): NewEvent {
  const event = pointsCharged({ ...request, balanceAfter, chargedAt }, request.claim);
  // The batch runs for several requests, each with its own trace.
  return request.traceparent ? { ...event, cause: { traceparent: request.traceparent } } : event;
}

/** The event of a charge. @param claim the Idempotency-Key of its request, if it had one */
export function pointsCharged(
  charge: Pick<ChargeRequest, 'userId' | 'amount' | 'requestId'> & {
    readonly balanceAfter: number;
    readonly chargedAt: Date;
  },
  claim: Pick<IdempotencyClaim, 'key' | 'requestHash'> | undefined,
): NewEvent {
  const { userId, amount, requestId, balanceAfter, chargedAt } = charge;
  const key = { idempotencyKey: claim?.key ?? null, requestHash: claim?.requestHash ?? null };
  const data = { userId, amount, balanceAfter, chargedAt: chargedAt.getTime(), requestId, ...key };
  return { type: 'points-charged', data };
}

function toResult(
  { userId, requestId }: ChargeRequest,
  outcome: ClaimOutcome,
  balances: ReadonlyMap<string, number>,
): ItemResult<Charged> {
  if (outcome.kind === 'mismatch') return failed(new DomainError('IDEMPOTENCY_KEY_REUSED'));
  const replayed = outcome.kind === 'replay';
  const balance = balances.get(replayed ? outcome.requestId : requestId);
  if (balance !== undefined) return succeeded({ userId, balance, replayed });
  const detail = `An account holds at most ${BALANCE_LIMIT} won after a charge.`;
  return failed(new DomainError<PaymentProblem>('BALANCE_LIMIT_EXCEEDED', detail));
}
