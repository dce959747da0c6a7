import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, type PooledDatabase, type SqlExecutor } from '@shop/chassis';
import { migratedSchema, type TestDatabase } from '@shop/chassis/testing';
import { v7 as uuidv7 } from 'uuid';
import { sqlCatalogStore } from '../src/db/catalog-store.ts';
import { readProducts } from '../src/db/product-reads.ts';
import { sqlProductStore } from '../src/db/product-store.ts';
import { createShownProducts, MAX_AGE_MS } from '../src/http/shown-products.ts';
import { createProductChanges, type Product } from '../src/usecases/change-products.ts';
import { createCompanions } from '../src/usecases/companions.ts';
import type { ProductWish } from '../src/usecases/ports.ts';
import { LIMITS } from './examples.ts';

let schema: TestDatabase;
/** Another instance's connections. */
let other: PooledDatabase;

beforeAll(async () => {
  schema = await migratedSchema(join(import.meta.dirname, '../prisma'));
  other = createDatabase({ url: schema.url });
});
afterAll(async () => {
  await other?.close();
  await schema?.drop();
});

const stock = { store: sqlCatalogStore, companions: createCompanions(), limits: LIMITS };
const outbox = { append: async () => {} };
const now = () => new Date();
const by = () => ({ requestId: uuidv7() });

/** The products shown by one instance, on a clock that stands still, and its statements. */
function instance(database: PooledDatabase) {
  const clock = { ms: 0 };
  const statements: string[] = [];
  const counting: SqlExecutor = {
    query: (sql, params) => {
      statements.push(sql);
      return database.query(sql, params);
    },
    execute: (sql, params) => database.execute(sql, params),
  };
  const read = (wishes: readonly ProductWish[]) => readProducts(counting, wishes);
  const shown = createShownProducts({ read, now: () => clock.ms });
  const changed = { ...{ ...stock, transactor: database, products: sqlProductStore, outbox, now } };
  const changes = createProductChanges({ ...changed, changed: (tx) => tx.onCommit(shown.changed) });
  const look = async (productId: number): Promise<Product | undefined> => {
    const rendered = await shown.find(productId);
    return rendered && JSON.parse(rendered.body.toString());
  };
  const list = async (
    after: number | undefined,
    limit: number,
  ): Promise<{ items: Product[]; nextCursor: string | null }> =>
    JSON.parse((await shown.list({ after, limit })).body.toString());
  return { clock, statements, shown, changes, look, list };
}

describe('reads of products', () => {
  it('when many ask for products and pages at once, then one statement reads for all, and each gets its own', async () => {
    const { changes, statements, look, list } = instance(schema.database);
    const ids: number[] = [];
    for (let n = 0; n < 5; n++) {
      const product = { name: `p${n}`, price: n, stockQuantity: n };
      ids.push((await changes.create(by(), product)).product.productId);
    }
    const [products, first, second, missing] = await Promise.all([
      Promise.all([...ids, ...ids].map(look)),
      list(undefined, 2),
      list(ids[2], 10),
      look(987_654),
    ]);
    expect(statements).toHaveLength(1);
    expect(products.map((it) => it?.productId)).toEqual([...ids, ...ids]);
    expect(products[3]).toEqual({ productId: ids[3], name: 'p3', price: 3, stockQuantity: 3 });
    expect(first.items.map((it) => it.productId)).toEqual(ids.slice(0, 2));
    expect(Buffer.from(first.nextCursor ?? '', 'base64url').toString()).toBe(`${ids[1]}`);
    expect(second).toMatchObject({ items: [{ name: 'p3' }, { name: 'p4' }], nextCursor: null });
    expect(missing).toBeUndefined();
    await Promise.all([...ids.map(look), list(undefined, 2), look(987_654)]);
    expect(statements).toHaveLength(1);
  });

  it('when another instance sells or restocks, then it is visible after half a second at the latest', async () => {
    const [here, there] = [instance(schema.database), instance(other)];
    const { productId } = (await here.changes.create(by(), { name: 'lamp', price: 1, stockQuantity: 1 })).product;
    expect(await here.look(productId)).toMatchObject({ stockQuantity: 1 });
    await there.changes.update(by(), productId, { restock: 9 });
    here.clock.ms = MAX_AGE_MS;
    expect(await here.look(productId)).toMatchObject({ stockQuantity: 1 });
    here.clock.ms = MAX_AGE_MS + 1;
    expect(await here.look(productId)).toMatchObject({ stockQuantity: 10 });
  });

  it('when the price is changed here, then the next reader is shown it, alone and in the list', async () => {
    const { changes, look, list } = instance(schema.database);
    const { productId } = (await changes.create(by(), { name: 'lamp', price: 1, stockQuantity: 1 })).product;
    for (let price = 2; price < 10; price++) {
      // A client is always reading.
      const looking = [look(productId), list(productId - 1, 1)];
      await changes.update(by(), productId, { price });
      expect(await look(productId)).toMatchObject({ price });
      expect((await list(productId - 1, 1)).items).toMatchObject([{ productId, price }]);
      await Promise.all(looking);
    }
  });
});
