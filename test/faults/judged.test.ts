import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PUBLISHERS } from '../../services/services.ts';
import { judgeAccount } from '../judge/accounts.ts';
import { judgeCoupons } from '../judge/coupons.ts';
import { judgeStock } from '../judge/stock.ts';
import { expectStatus, nextUserId } from '../support/api.ts';
import { expectCleanAudit } from '../support/audit.ts';
import { type History, type Shoppers, startShoppers } from '../support/shoppers.ts';
import { type System, startSystem } from '../support/system.ts';

const USERS = 12;
const SESSIONS = 2;
const PRICE = 10;
/** Some products and policies run out in the midst of the faults. */
const STOCKS = [60, 300, 2_000];
const QUANTITIES = [4, 8];
const ANSWERS_A_FAULT = 100;

let system: System;
beforeAll(async () => {
  system = await startSystem();
}, 120_000);
afterAll(() => system?.stop(), 60_000);

interface Goods {
  readonly products: readonly number[];
  readonly policies: readonly number[];
}

async function newGoods(): Promise<Goods> {
  return {
    products: await Promise.all(STOCKS.map((stock) => system.api.newProduct(PRICE, stock))),
    policies: await Promise.all(QUANTITIES.map((totalQuantity) => system.api.newPolicy({ totalQuantity }))),
  };
}

/** Shoppers act while `fault` strikes; then all that they were told is judged. */
async function judged(seed: number, fault: (shoppers: Shoppers) => Promise<void>): Promise<void> {
  const goods = await newGoods();
  const users = Array.from({ length: USERS }, nextUserId);
  const shoppers = startShoppers(system.api, { ...goods, users, sessions: SESSIONS, price: PRICE, seed });
  try {
    await shoppers.answered(ANSWERS_A_FAULT);
    await fault(shoppers);
    await shoppers.answered(ANSWERS_A_FAULT);
  } finally {
    await shoppers.stop();
  }
  await expectCleanAudit(system, { withinMs: 90_000 });
  const history = await withLastLook(await shoppers.stop());
  expect(contradictions(history, goods)).toEqual([]);
  console.info(`judged ${JSON.stringify(figures(history))}`);
}

/** At the end, when all is at rest, each balance is read once more. */
async function withLastLook(history: History): Promise<History> {
  const accounts = await Promise.all(
    [...history.accounts].map(async ([userId, told]) => {
      const called = performance.now();
      const answer = await system.api.request<{ balance: number }>('GET', '/points', { query: { userId } });
      const { balance } = expectStatus(answer, 200).body;
      return [userId, [...told, { kind: 'READ', balance, called, returned: performance.now() }]] as const;
    }),
  );
  return { ...history, answered: history.answered, accounts: new Map(accounts) };
}

function contradictions({ accounts, demands, asks }: History, { products, policies }: Goods): unknown[] {
  return [
    ...[...accounts].flatMap(([userId, told]) => {
      const verdict = judgeAccount(0, told);
      return verdict.kind === 'POSSIBLE' ? [] : [{ userId, verdict }];
    }),
    ...products.flatMap((id, n) => judgeStock(STOCKS[n] ?? 0, demands.get(id) ?? [])),
    ...policies.flatMap((id, n) => judgeCoupons(QUANTITIES[n] ?? 0, asks.get(id) ?? [])),
  ];
}

function figures({ accounts, demands, asks }: History): Record<string, number> {
  const operations = (map: ReadonlyMap<number, readonly unknown[]>) =>
    [...map.values()].reduce((sum, told) => sum + told.length, 0);
  return {
    accounts: accounts.size,
    ofAccounts: operations(accounts),
    products: demands.size,
    ofProducts: operations(demands),
    policies: asks.size,
    ofPolicies: operations(asks),
  };
}

describe('what clients are told while parts die', () => {
  it('when each service is killed in turn, then one shop could have given all the answers', async () => {
    await judged(1, async (shoppers) => {
      for (const service of [...PUBLISHERS, 'gateway'] as const) {
        await system.process(service).kill9();
        await system.start(service);
        await shoppers.answered(ANSWERS_A_FAULT);
      }
    });
  });

  it('when Kafka, Redis and MySQL are stopped in turn, then one shop could have given all the answers', async () => {
    await judged(2, async (shoppers) => {
      for (const server of ['kafka', 'redis', 'mysql'] as const) {
        const part = system.stack.part(server);
        await part.stop();
        await part.start();
        await shoppers.answered(ANSWERS_A_FAULT);
      }
    });
  });
});
