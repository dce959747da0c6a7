/** Least and most points of one charge, in won. */
export const CHARGE_AMOUNT = { min: 1, max: 10_000_000 } as const;

/** The most an account may hold after a charge, in won. Refunds may exceed it. */
export const BALANCE_LIMIT = 1_000_000_000;

/** What a charge comes to: the balance afterwards, or why it is refused. */
export type ChargeOutcome =
  | { readonly charged: true; readonly balanceAfter: number }
  | {
      readonly charged: false;
      readonly code: 'INVALID_CHARGE_AMOUNT' | 'BALANCE_LIMIT_EXCEEDED';
      readonly detail: string;
    };

/** Decides one charge on the account's balance. */
export function decideCharge(balance: number, amount: number): ChargeOutcome {
  const { min, max } = CHARGE_AMOUNT;
  if (!Number.isInteger(amount) || amount < min || amount > max) {
    const detail = `A charge is a whole number of won from ${min} to ${max}.`;
    return { charged: false, code: 'INVALID_CHARGE_AMOUNT', detail };
  }
  const balanceAfter = balance + amount;
  if (balanceAfter > BALANCE_LIMIT) {
    const detail = `An account holds at most ${BALANCE_LIMIT} won after a charge.`;
    return { charged: false, code: 'BALANCE_LIMIT_EXCEEDED', detail };
  }
  return { charged: true, balanceAfter };
}
