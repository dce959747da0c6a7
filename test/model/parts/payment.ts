import type { Database, Transaction } from '@shop/chassis';
import {
  addEntries,
  balancesAfter,
  openAccounts,
  setBalances,
} from '../../../services/payment/src/db/account-store.ts';
import { sqlPaymentStore } from '../../../services/payment/src/db/payment-store.ts';
import { decideBatch, keysOf, type Snapshot } from '../../../services/payment/src/domain/batch.ts';
import type { PointEntry, SagaEvent } from '../../../services/payment/src/domain/payment.ts';
import type { AccountStore } from '../../../services/payment/src/usecases/charge-points.ts';
import type { PaymentStore } from '../../../services/payment/src/usecases/pay-orders.ts';
import {
  createMemoryAccountStore,
  createMemoryPaymentStore,
  PaymentTables,
} from '../../simulation/memory-payment-store.ts';
import type { Random } from '../../simulation/random.ts';
import type { Compared } from '../compare.ts';
import { AT, clear, eventOf } from '../rows.ts';
import { type Call, type Drawing, idOf, numberOf, someOf } from '../script.ts';

interface Ports {
  readonly payments: PaymentStore<Transaction>;
  readonly accounts: AccountStore;
}

/** Users 1 to 3 have accounts, 4 and 5 have none at first. */
const USERS = [1, 2, 3, 4, 5];
const BALANCE = 1_000;

function drawEvents(random: Random, space: number): SagaEvent[] {
  const orders = someOf(random, [1, 2, 3], random.pick([1, 1, 2, 3]));
  return orders.map((order) => {
    const of = { orderId: idOf(space, 1, order), userId: numberOf(space, order) };
    return random.chance(0.6)
      ? eventOf('stock-reserved', { ...of, couponId: null, lines: [], totalAmount: random.pick([100, 400, 900]) })
      : eventOf('order-cancelled', {
          ...of,
          couponId: null,
          lines: [],
          reason: 'USER',
          wasCompleted: false,
          completedAt: null,
        });
  }) as SagaEvent[];
}

/** As in pay-orders.ts: load → decide → save. */
function payOrders({ random, space }: Drawing): Call<Ports>[] {
  const events = drawEvents(random, space);
  const words = events.map((it) => `${it.type} ${it.data.orderId.slice(-1)}`).join(', ');
  const load: Call<Ports> = {
    label: `load for ${words}`,
    async run({ payments }, tx, notes) {
      const snapshot = await payments.load(tx, keysOf(events));
      notes.set('snapshot', snapshot);
      return snapshot;
    },
  };
  const save: Call<Ports> = {
    label: `save ${words}`,
    async run({ payments }, tx, notes) {
      const loaded = notes.get('snapshot') as Snapshot | undefined;
      const { changes } = decideBatch(loaded ?? { payments: new Map(), balances: new Map() }, events, AT);
      await payments.save(tx, changes);
    },
  };
  return random.chance(0.9) ? [load, save] : [save];
}

/** As in charge-points.ts: open, and then one more than the balance. */
function chargePoints({ random, space }: Drawing): Call<Ports>[] {
  const users = someOf(random, USERS, random.pick([1, 2, 3])).sort();
  const userIds = users.map((user) => numberOf(space, user));
  const request = (userId: number, number: number) => idOf(space, 2, (userId % 100) * 16 + number);
  const number = random.int(1, 2);
  return [
    {
      label: `open the accounts of ${users}`,
      async run({ accounts }, tx, notes) {
        const balances = await accounts.openAccounts(tx, userIds, AT);
        notes.set('balances', balances);
        return balances;
      },
    },
    {
      label: `charge ${users} by request ${number}`,
      async run({ accounts }, tx, notes) {
        const balances = notes.get('balances') as Map<number, number> | undefined;
        const charged = userIds.map((userId) => ({ userId, balance: (balances?.get(userId) ?? 0) + 1 }));
        await accounts.setBalances(tx, charged, AT);
        const entries = charged.map(
          ({ userId, balance }): PointEntry => ({
            ...{ userId, type: 'CHARGE', amount: 1, balanceAfter: balance },
            ...{ orderId: null, requestId: request(userId, number) },
          }),
        );
        await accounts.addEntries(tx, entries, AT);
      },
    },
    {
      label: `balances after request ${number} of ${users}`,
      run: ({ accounts }, tx) =>
        accounts.balancesAfter(
          tx,
          userIds.map((userId) => request(userId, number)),
        ),
    },
  ];
}

const rows = (space: number) => USERS.slice(0, 3).map((user) => ({ userId: numberOf(space, user), balance: BALANCE }));

export const paymentPart: Compared<Ports> = {
  name: 'payment',
  draw: (drawing) => (drawing.random.chance(0.6) ? payOrders(drawing) : chargePoints(drawing)),

  async onServer(database: Database, space) {
    await clear(database, ['accounts', 'payments', 'point_history']);
    await database.transaction((tx) => setBalances(tx, rows(space), AT));
    const accounts: AccountStore = { openAccounts, setBalances, addEntries, balancesAfter };
    return {
      ports: () => ({ payments: sqlPaymentStore, accounts }),
      contents: async () => ({
        accounts: await database.query('SELECT user_id AS userId, balance FROM accounts ORDER BY user_id'),
        payments: await database.query('SELECT order_id AS orderId, status FROM payments ORDER BY order_id'),
        history: await database.query(
          'SELECT user_id AS userId, type, balance_after AS balanceAfter FROM point_history ORDER BY id',
        ),
      }),
    };
  },

  onModel(space) {
    const tables = new PaymentTables();
    for (const row of rows(space)) tables.accounts.committed.set(String(row.userId), row);
    const list = <T>(table: { committed: Map<string, T> }) => [...table.committed.values()];
    return {
      ports: () => ({
        payments: createMemoryPaymentStore(tables) as PaymentStore<Transaction>,
        accounts: createMemoryAccountStore(tables),
      }),
      contents: () => ({
        accounts: list(tables.accounts).sort((a, b) => a.userId - b.userId),
        payments: list(tables.payments)
          .map(({ orderId, status }) => ({ orderId, status }))
          .sort((a, b) => (a.orderId < b.orderId ? -1 : 1)),
        history: list(tables.history)
          .sort((a, b) => a.id - b.id)
          .map(({ userId, type, balanceAfter }) => ({ userId, type, balanceAfter })),
      }),
    };
  },
};
