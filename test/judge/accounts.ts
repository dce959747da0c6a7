import { linearize, type Model, type Operation, type Verdict } from './linearize.ts';

/** What one client was told of one account. Amounts are in won. */
export type AccountOperation = Operation &
  (
    | { readonly kind: 'CHARGE'; readonly amount: number; readonly balance: number | undefined }
    | { readonly kind: 'READ'; readonly balance: number }
    /** The points of an order that completed; `returned` is when its client learned that. */
    | { readonly kind: 'PAY'; readonly amount: number }
    /** An order that was refused for lack of points. */
    | { readonly kind: 'TOO_POOR'; readonly amount: number }
    /**
     * An order that ended otherwise, or of which no end is known: its points may have been taken, and may have come
     * back since. A completed order that was cancelled is a PAY, and this with `isPaid`.
     */
    | { readonly kind: 'TAKE'; readonly orderId: string; readonly amount: number }
    | { readonly kind: 'GIVE_BACK'; readonly orderId: string; readonly amount: number; readonly isPaid: boolean }
  );

interface Account {
  readonly balance: number;
  /** Orders that took points which can still come back. */
  readonly taken: readonly string[];
}

/** One account: it is never below zero, and a charge is told the balance that it made. */
function accountModel(balance: number): Model<Account, AccountOperation> {
  return { initial: { balance, taken: [] }, step, keyOf: ({ balance, taken }) => `${balance},${taken.join()}` };
}

function step(account: Account, operation: AccountOperation): readonly Account[] {
  const { balance, taken } = account;
  const at = (next: number, open = taken): readonly Account[] => [{ balance: next, taken: open }];
  switch (operation.kind) {
    case 'CHARGE': {
      const next = balance + operation.amount;
      return operation.balance === undefined || operation.balance === next ? at(next) : [];
    }
    case 'READ':
      return operation.balance === balance ? [account] : [];
    case 'PAY':
      return balance >= operation.amount ? at(balance - operation.amount) : [];
    case 'TOO_POOR':
      return balance < operation.amount ? [account] : [];
    case 'TAKE':
      return balance >= operation.amount ? at(balance - operation.amount, [...taken, operation.orderId].sort()) : [];
    case 'GIVE_BACK': {
      const { orderId, isPaid, amount } = operation;
      if (isPaid) return at(balance + amount);
      const left = taken.filter((it) => it !== orderId);
      return left.length < taken.length ? at(balance + amount, left) : [];
    }
  }
}

/** Decides whether one account that began with `balance` could have given all these answers. */
export function judgeAccount(
  balance: number,
  operations: readonly AccountOperation[],
  maxSteps?: number,
): Verdict<AccountOperation> {
  return linearize(accountModel(balance), operations, maxSteps);
}
