/** Least and most points of one charge, in won. */
export const CHARGE_AMOUNT = { min: 1, max: 10_000_000 } as const;

/** The most an account may hold after a charge, in won. Refunds may exceed it. */
export const BALANCE_LIMIT = 1_000_000_000;

/** Whether an amount can be charged at all, whatever the balance. */
export function isChargeAmount(amount: number): boolean {
  return Number.isInteger(amount) && amount >= CHARGE_AMOUNT.min && amount <= CHARGE_AMOUNT.max;
}

/** The balance after a charge of a valid amount; undefined where it would be over the limit. */
export function charge(balance: number, amount: number): number | undefined {
  const balanceAfter = balance + amount;
  return balanceAfter <= BALANCE_LIMIT ? balanceAfter : undefined;
}
