import { claimForOne, DomainError, type IdempotencyClaim, type Transaction, type Transactor } from '@shop/chassis';
import type { NewEvent, Outbox } from '@shop/events';
import { buyersOf, decideLine, type StockSnapshot } from '../domain/batch.ts';
import type { Limits } from '../domain/waiting.ts';
import type { CatalogProblem } from '../problems.ts';
import { type Companions, lockWithCompanions } from './companions.ts';
import type { CatalogStore } from './ports.ts';

/** A product as the shop shows it; the price in won. */
export interface Product {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  /** Pieces that can be ordered now. */
  readonly stockQuantity: number;
  /** Pieces that orders hold and have not paid, and that may come back; left out where there are none. */
  readonly heldQuantity?: number;
  /** False once it is withdrawn from sale; left out while it is on sale. */
  readonly onSale?: false;
}

/** An operator's change: the product afterwards, and the number of added pieces; below 0 they were taken back. */
export interface ProductChange extends Omit<Product, 'onSale'> {
  readonly change: 'CREATED' | 'UPDATED';
  readonly stockDelta: number;
  readonly onSale: boolean;
  readonly version: number;
  /** A UUIDv7, stored with the effect; also the id of its event. */
  readonly requestId: string;
}

/** A change as its row tells it. `onSale` and `available` are null in those that are older than the fields. */
export type RecordedChange = Omit<ProductChange, 'change' | 'stockQuantity' | 'onSale'> & {
  readonly change: string;
  readonly onSale: boolean | null;
  readonly available: number | null;
};

export interface NewProduct {
  readonly name: string;
  readonly price: number;
  readonly stockQuantity: number;
}

export interface ProductPatch {
  readonly name?: string | undefined;
  readonly price?: number | undefined;
  /** Added pieces, > 0. */
  readonly restock?: number | undefined;
  /** Pieces taken back, > 0; never more than are available. Not together with `restock`. */
  readonly takeBack?: number | undefined;
  /** False withdraws it from sale, true puts it on sale again. */
  readonly onSale?: boolean | undefined;
}

/** Operators share one space of idempotency keys; users' ids begin at 1. */
export const OPERATORS = 0;
/** The scopes of their keys. */
export const createScope = 'POST /products';
export const updateScope = (productId: number): string => `PATCH /products/${productId}`;

/** The request's id; with an Idempotency-Key also its claim, of the same request id. */
export interface ChangeRequest {
  readonly requestId: string;
  readonly claim?: IdempotencyClaim;
}

/** The products of one schema, for operators' changes. */
export interface ProductStore {
  /** @returns the new product's id */
  insert(tx: Transaction, product: NewProduct, at: Date): Promise<number>;
  /** Locks the product's row until the transaction ends. */
  lock(
    tx: Transaction,
    productId: number,
  ): Promise<Pick<ProductChange, 'name' | 'price' | 'stockQuantity' | 'onSale' | 'version'> | undefined>;
  /** Writes name, price, whether it is on sale, and version, and adds the new stock. */
  update(tx: Transaction, change: ProductChange, at: Date): Promise<void>;
  recordChange(tx: Transaction, change: ProductChange, at: Date): Promise<void>;
  /** The product as the request with this id left it. */
  findChange(tx: Transaction, requestId: string): Promise<Product | undefined>;
}

interface Dependencies {
  readonly transactor: Transactor<Transaction>;
  readonly products: ProductStore;
  readonly store: CatalogStore<Transaction>;
  readonly companions: Companions;
  readonly limits: Limits;
  readonly outbox: Outbox<Transaction>;
  readonly now: () => Date;
  /** Called in each transaction that changes a product. */
  readonly changed?: (tx: Transaction) => void;
}

/** The product after the change; `replayed` when an earlier request with the same key made it. */
export interface Changed {
  readonly product: Product;
  readonly replayed: boolean;
}

/** Operators' changes of products. Each is a row and a product-changed event, in one transaction. */
export function createProductChanges(dependencies: Dependencies) {
  const { products, store, companions } = dependencies;
  return {
    create: (request: ChangeRequest, product: NewProduct): Promise<Changed> =>
      changeOnce(dependencies, request, async (tx, at) => {
        const productId = await products.insert(tx, product, at);
        const added = { change: 'CREATED', stockDelta: product.stockQuantity, onSale: true, version: 1 } as const;
        return { change: { ...product, productId, ...added, requestId: request.requestId }, events: [] };
      }),

    /** Throws PRODUCT_NOT_FOUND, or NOT_ENOUGH_AVAILABLE: what orders hold or bought cannot be taken back. */
    update: (request: ChangeRequest, productId: number, patch: ProductPatch): Promise<Changed> =>
      changeOnce(dependencies, request, async (tx, at) => {
        const stock = await lockWithCompanions(store, companions, tx, [productId]);
        const before = await products.lock(tx, productId);
        if (!before) throw productNotFound(productId);
        const stockDelta = (patch.restock ?? 0) - (patch.takeBack ?? 0);
        if (before.stockQuantity + stockDelta < 0) throw notEnoughAvailable(productId, before.stockQuantity);
        const change: ProductChange = {
          productId,
          name: patch.name ?? before.name,
          price: patch.price ?? before.price,
          stockQuantity: before.stockQuantity + stockDelta,
          change: 'UPDATED',
          stockDelta,
          onSale: patch.onSale ?? before.onSale,
          version: before.version + 1,
          requestId: request.requestId,
        };
        await products.update(tx, change, at);
        const { left, events } = await serveLine(dependencies, tx, stock, change);
        return { change: { ...change, stockQuantity: left }, events };
      }),
  };
}

export type ProductChanges = ReturnType<typeof createProductChanges>;

/**
 * Decides those who wait for the product after its stock or price changed, or it was withdrawn: then all are refused.
 * @returns the pieces that are then left, and the events to be published after that of the change
 */
async function serveLine(
  { store, limits, now }: Dependencies,
  tx: Transaction,
  { products: before, line }: StockSnapshot,
  { productId, name, price, stockQuantity, onSale }: ProductChange,
): Promise<{ left: number; events: readonly NewEvent[] }> {
  const product = before.get(productId);
  if (!product || line.size === 0) return { left: stockQuantity, events: [] };
  const products = new Map(before).set(productId, { ...product, name, price, onSale, available: stockQuantity });
  const known = await store.loadReservations(tx, [], buyersOf({ products, line }, [], limits));
  const { changes, events } = decideLine({ products, line, ...known }, { now: now(), limits });
  await store.save(tx, changes);
  const left = changes.products.find((it) => it.productId === productId)?.available ?? stockQuantity;
  return { left, events };
}

/** Runs `make` once for a key; a repeat gets the product as it was then. */
async function changeOnce(
  { transactor, products, outbox, now, changed }: Dependencies,
  request: ChangeRequest,
  make: (tx: Transaction, at: Date) => Promise<{ change: ProductChange; events: readonly NewEvent[] }>,
): Promise<Changed> {
  return await transactor.transaction(async (tx) => {
    const at = now();
    const earlier = await claimForOne(tx, request, at);
    if (earlier !== undefined) {
      const product = await products.findChange(tx, earlier);
      if (!product) throw new Error(`request ${earlier} holds a key but changed no product`);
      return { product, replayed: true };
    }
    const { change, events } = await make(tx, at);
    await products.recordChange(tx, change, at);
    const told = productChanged({ ...change, available: change.stockQuantity }, request.claim);
    // First the pieces, then who got them: if the rest of the outbox is lost with its disk, what was sent still fits.
    await outbox.append(tx, [told, ...events]);
    changed?.(tx);
    return { product: shownProduct(change), replayed: false };
  });
}

/** A product as it is answered: what is usual is left out. */
export function shownProduct(it: Omit<Product, 'onSale'> & { readonly onSale: boolean }): Product {
  const { productId, name, price, stockQuantity, heldQuantity = 0, onSale } = it;
  const held = heldQuantity > 0 ? { heldQuantity } : {};
  return { productId, name, price, stockQuantity, ...held, ...(onSale ? {} : { onSale: false }) };
}

/** The event of a change. @param claim the Idempotency-Key of its request, if it had one */
export function productChanged(
  { productId, change, name, price, stockDelta, onSale, version, requestId, available }: RecordedChange,
  claim: Pick<IdempotencyClaim, 'key' | 'requestHash'> | undefined,
): NewEvent {
  const key = { idempotencyKey: claim?.key ?? null, requestHash: claim?.requestHash ?? null };
  const data = { productId, change, name, price, stockDelta, onSale, version, requestId, available, ...key };
  return { type: 'product-changed', data };
}

export function productNotFound(productId: number): DomainError<CatalogProblem> {
  return new DomainError('PRODUCT_NOT_FOUND', `There is no product ${productId}.`, { productId });
}

function notEnoughAvailable(productId: number, available: number): DomainError<CatalogProblem> {
  const detail = `Only ${available} pieces of product ${productId} are available; what orders hold or bought stays.`;
  return new DomainError('NOT_ENOUGH_AVAILABLE', detail, { productId });
}
