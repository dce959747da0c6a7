import { COMMON_PROBLEMS, type CommonProblem, DomainError } from '@shop/chassis';
import type { SqlReader } from '../../ops/src/sql.ts';
import type { ConsoleProblem } from '../problems.ts';
import { askForToken, type Wanted } from './buyer.ts';
import { codeOf } from './gateway.ts';
import type { PatientAsk } from './patience.ts';

/** The options of a rush. */
export interface RushWish {
  /** Default: a new product, with FRESH_STOCK pieces. */
  readonly productId?: number | undefined;
  /** Default: a new policy, with FRESH_COUPONS coupons. */
  readonly couponPolicyId?: number | undefined;
  readonly buyers: number;
  /** Pieces in each order. */
  readonly quantity: number;
}

export interface RushPlan extends Wanted {
  /** The buying users, each once. */
  readonly buyers: readonly number[];
}

const FRESH_STOCK = 50;
const FRESH_COUPONS = 50;
const FRESH_PRICE = 10_000;
const FRESH_DISCOUNT = 1_000;
/** The demo's users are 1 to this number. */
const DEMO_USERS = 10_000;
/** The console's user when it requests a token with scope ops. */
const OPERATOR = 1;

export interface PrepareDeps {
  readonly ask: PatientAsk;
  /** A connection that may read every schema. */
  readonly sql: SqlReader;
  readonly now: () => number;
}

/**
 * Creates the product and the policy where none is named, and chooses buyers who can pay.
 * @throws the obstacle, in words
 */
export async function prepareRush(wish: RushWish, rushId: string, deps: PrepareDeps): Promise<RushPlan> {
  const startedAt = deps.now();
  const token = await operatorToken(deps.ask);
  const price = wish.productId === undefined ? FRESH_PRICE : await priceOf(deps.sql, wish.productId);
  const buyers = await chooseBuyers(deps.sql, wish.buyers, price * wish.quantity);
  if (wish.couponPolicyId !== undefined) await requirePolicy(deps.sql, wish.couponPolicyId);

  const create = createWith(deps.ask, token, rushId);
  const name = `Rush hour ${new Date(startedAt).toISOString().slice(0, 19).replace('T', ' ')}`;
  const productId =
    wish.productId ??
    (await create('/products', { name, price: FRESH_PRICE, stockQuantity: FRESH_STOCK }, 'productId'));
  const policy = { name, discountAmount: FRESH_DISCOUNT, totalQuantity: FRESH_COUPONS, validDays: 1 };
  const couponPolicyId = wish.couponPolicyId ?? (await create('/coupon-policies', policy, 'couponPolicyId'));
  return { rushId, productId, couponPolicyId, quantity: wish.quantity, startedAt, buyers };
}

/** An operator's demo token; undefined where none is needed. Without either, every buyer would be refused. */
async function operatorToken(ask: PatientAsk): Promise<string | undefined> {
  const granted = await askForToken(ask, { userId: OPERATOR, scope: 'ops' });
  if ('refused' in granted)
    throw new DomainError('SERVICE_UNAVAILABLE', `The gateway gives no demo token: ${granted.refused}.`);
  if (granted.token !== undefined) return granted.token;
  const { answer } = await ask({ method: 'GET', path: `/points?userId=${OPERATOR}` });
  if (answer?.status === 401)
    throw new DomainError('FORBIDDEN', 'A rush buys as demo users, and the gateway runs without DEMO_AUTH=true.');
  return undefined;
}

function createWith(ask: PatientAsk, token: string | undefined, rushId: string) {
  return async (path: string, body: object, idField: string): Promise<number> => {
    const { answer } = await ask({ method: 'POST', path, token, key: `${rushId}${path}`, body });
    const id = answer?.status === 201 ? answer.body[idField] : undefined;
    if (typeof id === 'number') return id;
    const code = answer ? codeOf(answer) : '';
    throw new DomainError(
      Object.hasOwn(COMMON_PROBLEMS, code) ? (code as CommonProblem) : 'SERVICE_UNAVAILABLE',
      `POST ${path} was answered ${answer ? `${answer.status} ${code}` : 'by nobody'}.`,
    );
  };
}

async function priceOf(sql: SqlReader, productId: number): Promise<number> {
  const [row] = await sql.query<{ price: number }>('SELECT price FROM shop_catalog.products WHERE product_id = ?', [
    productId,
  ]);
  if (!row)
    throw new DomainError<ConsoleProblem>('PRODUCT_NOT_FOUND', `There is no product ${productId}.`, { productId });
  return row.price;
}

async function requirePolicy(sql: SqlReader, couponPolicyId: number): Promise<void> {
  const rows = await sql.query('SELECT 1 FROM shop_coupon.coupon_policies WHERE coupon_policy_id = ?', [
    couponPolicyId,
  ]);
  const detail = `There is no coupon policy ${couponPolicyId}.`;
  if (rows.length === 0) throw new DomainError<ConsoleProblem>('COUPON_POLICY_NOT_FOUND', detail, { couponPolicyId });
}

/** Demo users who can pay without a coupon, drawn anew for each rush. */
async function chooseBuyers(sql: SqlReader, wanted: number, cost: number): Promise<number[]> {
  const rows = await sql.query<{ id: number }>(
    'SELECT user_id AS id FROM shop_payment.accounts WHERE user_id <= ? AND balance >= ? ORDER BY RAND() LIMIT ?',
    [DEMO_USERS, cost, wanted],
  );
  if (rows.length < wanted) {
    const detail = `Only ${rows.length} of the demo users can pay ${cost} won.`;
    throw new DomainError('VALIDATION_FAILED', detail, { errors: [{ path: 'buyers', message: detail }] });
  }
  return rows.map((row) => row.id);
}
