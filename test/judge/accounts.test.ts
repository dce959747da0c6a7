import { describe, expect, it } from '@jest/globals';
import { createRandom, type Random } from '../simulation/random.ts';
import { type AccountOperation, judgeAccount } from './accounts.ts';

const charge = (amount: number, balance: number | undefined, called: number, returned: number): AccountOperation => ({
  kind: 'CHARGE',
  amount,
  balance,
  called,
  returned,
});
const read = (balance: number, called: number, returned: number): AccountOperation => ({
  kind: 'READ',
  balance,
  called,
  returned,
});
const pay = (amount: number, called: number, returned: number): AccountOperation => ({
  kind: 'PAY',
  amount,
  called,
  returned,
});

describe('answers about one account', () => {
  it('when one account could have given them, then they are possible', () => {
    const told = [charge(100, 100, 0, 1), pay(30, 2, 6), read(100, 3, 4), charge(50, 120, 5, 8), read(120, 9, 10)];
    expect(judgeAccount(0, told).kind).toBe('POSSIBLE');
  });

  it('when points vanish or come from nowhere, then it is found', () => {
    expect(judgeAccount(0, [charge(100, 100, 0, 1), read(99, 2, 3)]).kind).toBe('IMPOSSIBLE');
    expect(judgeAccount(0, [charge(100, 100, 0, 1), charge(100, 300, 2, 3)]).kind).toBe('IMPOSSIBLE');
  });

  it('when one order is charged twice, then it is found, and what is not explained is named', () => {
    const told = [charge(100, 100, 0, 1), pay(30, 2, 3), read(40, 4, 5)];
    expect(judgeAccount(0, told)).toMatchObject({ kind: 'IMPOSSIBLE', open: [{ kind: 'READ', balance: 40 }] });
  });

  it('when a balance is read that was true earlier only, then it is found', () => {
    const told = [charge(100, 100, 0, 1), pay(30, 2, 3), read(70, 4, 5), read(100, 6, 7)];
    expect(judgeAccount(0, told).kind).toBe('IMPOSSIBLE');
  });

  it('when an order completes that the account could not pay, then it is found', () => {
    expect(judgeAccount(10, [pay(30, 0, 1)]).kind).toBe('IMPOSSIBLE');
    expect(judgeAccount(10, [pay(30, 0, 5), charge(20, 30, 1, 2)]).kind).toBe('POSSIBLE');
  });

  it('when an order is refused for lack of points that were there all the time, then it is found', () => {
    const poor: AccountOperation = { kind: 'TOO_POOR', amount: 30, called: 3, returned: 4 };
    expect(judgeAccount(100, [read(100, 0, 1), poor]).kind).toBe('IMPOSSIBLE');
    expect(judgeAccount(100, [pay(90, 0, 5), poor]).kind).toBe('POSSIBLE');
  });

  it('when a refund comes twice, then it is found', () => {
    const back = (called: number): AccountOperation => ({
      kind: 'GIVE_BACK',
      orderId: 'a',
      amount: 30,
      isPaid: true,
      called,
      returned: Infinity,
    });
    expect(judgeAccount(50, [pay(30, 0, 1), back(2), read(50, 3, 4)]).kind).toBe('POSSIBLE');
    expect(judgeAccount(50, [pay(30, 0, 1), back(2), read(80, 3, 4)]).kind).toBe('IMPOSSIBLE');
  });

  it('when an order without a known end took points, then they may be gone, or back, and nothing else', () => {
    const taken = (kind: 'TAKE' | 'GIVE_BACK'): AccountOperation =>
      kind === 'TAKE'
        ? { kind, orderId: 'a', amount: 30, called: 0, returned: Infinity }
        : { kind, orderId: 'a', amount: 30, isPaid: false, called: 0, returned: Infinity };
    const both = [taken('TAKE'), taken('GIVE_BACK')];
    expect(judgeAccount(50, [...both, read(50, 1, 2), read(20, 3, 4), read(50, 5, 6)]).kind).toBe('POSSIBLE');
    expect(judgeAccount(50, [...both, read(20, 3, 4), read(50, 5, 6), read(20, 7, 8)]).kind).toBe('IMPOSSIBLE');
  });

  it('when true histories are drawn at random, then each is possible, and with one figure changed most are not', () => {
    const random = createRandom(3);
    let found = 0;
    for (let n = 0; n < 300; n++) {
      const told = trueHistory(random);
      expect(judgeAccount(0, told).kind).toBe('POSSIBLE');
      const index = random.int(0, told.length - 1);
      const lie = told.map((it, at) => (at === index && 'balance' in it ? { ...it, balance: -1 } : it));
      if (judgeAccount(0, lie).kind === 'IMPOSSIBLE') found++;
    }
    expect(found).toBeGreaterThan(150);
  });
});

/** Up to forty operations of several clients on a real account, each with its effect at a drawn moment in its time. */
function trueHistory(random: Random): AccountOperation[] {
  const told: AccountOperation[] = [];
  let balance = 0;
  for (let moment = 10; moment < 10 * random.int(10, 40); moment += 10) {
    const called = moment - random.int(1, 40);
    const returned = moment + random.int(1, 40);
    const amount = random.int(1, 100);
    if (random.int(0, 2) === 0) {
      told.push(read(balance, called, returned));
    } else if (balance >= amount && random.int(0, 1) === 0) {
      balance -= amount;
      told.push(pay(amount, called, returned));
    } else {
      balance += amount;
      told.push(charge(amount, balance, called, returned));
    }
  }
  return told;
}
