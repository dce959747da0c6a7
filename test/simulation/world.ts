import { allTopics, EVENTS } from '@shop/events';
import type { Discount } from '../../services/coupon/src/domain/discount.ts';
import { CLOCKS_DIFFER_MS } from '../../services/coupon/src/domain/redemption.ts';
import type { Random } from './random.ts';
import { RECORD_GROUPS } from './simulated-log.ts';
import { drawDiscount } from './worth.ts';

export interface SeedProduct {
  readonly productId: number;
  readonly name: string;
  readonly price: number;
  readonly stock: number;
}

export interface SeedAccount {
  readonly userId: number;
  readonly balance: number;
}

/** A coupon that a user has from the start. */
export interface SeedCoupon {
  readonly couponId: string;
  /** A policy of its own. */
  readonly couponPolicyId: number;
  readonly userId: number;
  readonly discount: Discount;
  /** Its expiry, ms after the start; some coupons expired before it. */
  readonly expiresAt: number;
}

/** Coupons issued first come, first served. */
export interface SeedPolicy {
  readonly couponPolicyId: number;
  readonly totalQuantity: number;
}

/** A client's command and its time (ms after the start). Each is retried with the same key until it has an answer. */
export type Command = { readonly at: number; readonly key: string } & (
  | {
      readonly kind: 'place';
      readonly order: number;
      readonly userId: number;
      readonly lines: readonly { readonly productId: number; readonly quantity: number }[];
      readonly expectedTotal: number | null;
      /** Possibly another user's coupon, or one that does not exist. */
      readonly couponId: string | null;
    }
  | { readonly kind: 'cancel'; readonly order: number; readonly userId: number }
  | { readonly kind: 'charge'; readonly userId: number; readonly amount: number }
  | { readonly kind: 'restock'; readonly productId: number; readonly quantity: number }
  | { readonly kind: 'take-back'; readonly productId: number; readonly quantity: number }
  | { readonly kind: 'sale'; readonly productId: number; readonly onSale: boolean }
  | {
      readonly kind: 'issue';
      readonly userId: number;
      readonly couponPolicyId: number;
      /** True when the client prefers the way over the log. */
      readonly isForLog: boolean;
    }
  /** An operator ends a policy, of coupons that are issued or of one that exists from the start. */
  | { readonly kind: 'end'; readonly couponPolicyId: number; readonly revoke: boolean }
);

/** The faults of a run. Probabilities are per opportunity. */
export interface Weather {
  /** Crashes, each at a moment (in steps) and of an instance, both drawn. */
  readonly crashes: readonly { readonly atStep: number; readonly victim: number; readonly downMs: number }[];
  /** Chance of a send that the broker wrote but whose answer is lost. */
  readonly lostAcknowledgement: number;
  /** Chance of a commit that happened but whose answer is lost. */
  readonly lostCommit: number;
  /** Chance of a statement that fails because the connection broke. */
  readonly brokenConnection: number;
  /** Partitions taken from their consumer in mid-batch and given to another, while the first continues (a zombie). */
  readonly rebalances: readonly { readonly atStep: number }[];
  /** Orders (by index) whose handler throws in a service until an operator mends it and redrives. */
  readonly failpoints: readonly { readonly group: Service; readonly order: number }[];
  /** When the handlers are mended and the operator begins to redrive, ms after the start. */
  readonly mendAt: number;
  /** Chance that the operator discards a dead letter instead. */
  readonly discards: number;
  /** Chance that a batch is delivered again although it was committed. */
  readonly redelivery: number;
  /** Redis is emptied, or killed and started with its last saved state. */
  readonly redisLosses: readonly { readonly atStep: number; readonly kind: 'emptied' | 'restarted' }[];
  /** What the broker refuses for a while: a topic, or some of its records (`topic#n`). Times in ms. */
  readonly refusals: readonly { readonly what: string; readonly at: number; readonly forMs: number }[];
  /** Chance of a Redis command that fails, with or without its effect. */
  readonly redisFailures: number;
}

export const SERVICES = ['order', 'catalog', 'coupon', 'payment'] as const;
export type Service = (typeof SERVICES)[number];

export interface World {
  readonly seed: number;
  readonly products: readonly SeedProduct[];
  readonly accounts: readonly SeedAccount[];
  readonly coupons: readonly SeedCoupon[];
  readonly policies: readonly SeedPolicy[];
  readonly commands: readonly Command[];
  readonly weather: Weather;
  readonly instances: Readonly<Record<Service, number>>;
  /** How far the wall clock of each instance's machine is ahead of the true time, ms, in turn. */
  readonly skews: readonly number[];
}

/** The true time when a run begins, ms since the epoch. */
export const START = Date.UTC(2026, 0, 1);
export const ORDER_DEADLINE_MS = 2_000;
/** Of machines whose clock is right, a little off, and off by more than an order's deadline, ms. */
const SKEWS = [0, 0, -3, 200, -3_000, 3_000, -40_000, 40_000];
/** Commands come within this time. Some orders are cancelled long after they completed, some before they began. */
const COMMANDS_MS = 3_000;
/** Later than any run takes, ms after the start. */
export const NEVER_OVER = 10 ** 9;
/** Coupons that exist from the start are of the policies before. */
const FIRST_POLICY = 101;
const UNKNOWN_PRODUCT = 999;
const UNKNOWN_COUPON = couponIdOf(999);

/** Draws a small shop and its misfortunes. */
export function createWorld(seed: number, random: Random): World {
  const products = Array.from({ length: random.int(2, 4) }, (_, index) => ({
    productId: index + 1,
    name: `product ${index + 1}`,
    price: random.pick([0, 1, 700, 1_000, 2_500]),
    stock: random.pick([0, 1, 2, 5, 1_000]),
  }));
  const accounts = Array.from({ length: random.int(1, 4) }, (_, index) => ({
    userId: index + 1,
    balance: random.pick([0, 500, 2_000, 5_000, 1_000_000]),
  }));
  const coupons = Array.from({ length: random.int(0, 4) }, (_, index) => ({
    couponId: couponIdOf(index + 1),
    couponPolicyId: index + 1,
    userId: random.pick(accounts).userId,
    discount: drawDiscount(random),
    expiresAt: random.pick([-CLOCKS_DIFFER_MS - 1, -980, -700, 500, 1_500, NEVER_OVER, NEVER_OVER, NEVER_OVER]),
  }));
  const placed = Array.from({ length: random.int(3, 15) }, (_, index) =>
    placeCommand(index, random, products, accounts, coupons),
  );
  const cancelled = placed.filter(() => random.chance(0.35)).map((order) => cancelCommand(order, random));
  const charges = Array.from(
    { length: random.int(0, 3) },
    (_, index): Command => ({
      kind: 'charge',
      at: random.int(0, COMMANDS_MS),
      key: `charge-${index}`,
      userId: random.int(1, accounts.length + 1),
      amount: random.pick([1, 1_000, 10_000]),
    }),
  );
  const restocks = Array.from(
    { length: random.int(0, 2) },
    (_, index): Command => ({
      kind: 'restock',
      at: random.int(0, COMMANDS_MS),
      key: `restock-${index}`,
      productId: random.pick(products).productId,
      quantity: random.int(1, 5),
    }),
  );
  const takenBack = Array.from(
    { length: random.int(0, 2) },
    (_, index): Command => ({
      kind: 'take-back',
      at: random.int(0, COMMANDS_MS),
      key: `take-back-${index}`,
      productId: random.pick(products).productId,
      quantity: random.int(1, 3),
    }),
  );
  const policies = Array.from({ length: random.pick([0, 0, 1, 1, 2]) }, (_, index) => ({
    couponPolicyId: FIRST_POLICY + index,
    totalQuantity: random.int(1, 4),
  }));
  const commands = [...placed, ...cancelled, ...charges, ...restocks, ...takenBack, ...issueCommands(policies, random)];
  commands.push(...endCommands([...coupons, ...policies], random), ...saleCommands(products, random));
  // A client without an answer repeats its request, sometimes while the first is still in progress.
  const repeated = commands
    .filter(() => random.chance(0.2))
    .map((command) => ({
      ...command,
      at: command.at + random.pick([0, 1, 50, 1_500]),
    }));
  return {
    seed,
    products,
    accounts,
    coupons,
    policies,
    commands: [...commands, ...repeated].sort((a, b) => a.at - b.at),
    weather: createWeather(random, placed.length),
    instances: {
      order: random.int(1, 2),
      catalog: random.int(1, 2),
      coupon: random.int(1, 2),
      payment: random.int(1, 2),
    },
    skews: Array.from({ length: 8 }, () => random.pick(SKEWS)),
  };
}

function placeCommand(
  index: number,
  random: Random,
  products: readonly SeedProduct[],
  accounts: readonly SeedAccount[],
  coupons: readonly SeedCoupon[],
): Extract<Command, { kind: 'place' }> {
  const wanted = products.filter(() => random.chance(0.5));
  const lines = (wanted.length > 0 ? wanted : [random.pick(products)]).map(({ productId }) => ({
    productId,
    quantity: random.pick([1, 1, 1, 2, 3]),
  }));
  if (random.chance(0.08)) lines.push({ productId: UNKNOWN_PRODUCT, quantity: 1 });
  const total = lines.reduce((sum, line) => sum + line.quantity * priceOf(products, line.productId), 0);
  return {
    kind: 'place',
    at: random.chance(0.3) ? 0 : random.int(0, COMMANDS_MS / 2),
    key: `place-${index}`,
    order: index,
    lines,
    expectedTotal: random.chance(0.6) ? null : random.chance(0.7) ? total : total + 1,
    ...userAndCoupon(random, accounts, coupons),
  };
}

/** Few coupons and many orders: some coupons are named by several orders, and some by users who do not own them. */
function userAndCoupon(random: Random, accounts: readonly SeedAccount[], coupons: readonly SeedCoupon[]) {
  const { userId } = random.pick(accounts);
  if (!random.chance(0.5)) return { userId, couponId: null };
  if (coupons.length === 0 || random.chance(0.1)) return { userId, couponId: UNKNOWN_COUPON };
  const coupon = random.pick(coupons);
  return { userId: random.chance(0.9) ? coupon.userId : userId, couponId: coupon.couponId };
}

function couponIdOf(number: number): string {
  return `01900000-0000-7000-9000-${number.toString(16).padStart(12, '0')}`;
}

/** More users than coupons, some of whom ask more than once, in both ways. */
function issueCommands(policies: readonly SeedPolicy[], random: Random): Command[] {
  return policies.flatMap(({ couponPolicyId, totalQuantity }) => {
    const rush = random.int(0, COMMANDS_MS);
    return Array.from(
      { length: random.int(1, 10) },
      (_, index): Command => ({
        kind: 'issue',
        at: random.chance(0.7) ? rush + random.int(0, 20) : random.int(0, COMMANDS_MS),
        key: `issue-${couponPolicyId}-${index}`,
        userId: random.int(1, totalQuantity + 3),
        couponPolicyId,
        isForLog: random.chance(0.4),
      }),
    );
  });
}

/** Some products are withdrawn from sale, and most of these put on sale again, now and then before. */
function saleCommands(products: readonly SeedProduct[], random: Random): Command[] {
  return products
    .filter(() => random.chance(0.15))
    .flatMap(({ productId }) =>
      [false, true]
        .filter((onSale) => !onSale || random.chance(0.7))
        .map(
          (onSale): Command => ({
            kind: 'sale',
            at: random.int(0, COMMANDS_MS),
            key: `sale-${productId}-${onSale}`,
            productId,
            onSale,
          }),
        ),
    );
}

/** Some policies are ended, some revoked, some first the one and then the other, or at once. */
function endCommands(policies: readonly { readonly couponPolicyId: number }[], random: Random): Command[] {
  return policies.flatMap(({ couponPolicyId }) =>
    [false, true]
      .filter(() => random.chance(0.25))
      .map(
        (revoke): Command => ({
          kind: 'end',
          at: random.int(0, COMMANDS_MS),
          key: `end-${couponPolicyId}-${revoke}`,
          couponPolicyId,
          revoke,
        }),
      ),
  );
}

function cancelCommand(order: Extract<Command, { kind: 'place' }>, random: Random): Command {
  return {
    kind: 'cancel',
    at: order.at + random.pick([0, 5, 20, 50, 200, 1_000, 2_500]),
    key: `cancel-${order.order}`,
    order: order.order,
    userId: order.userId,
  };
}

function createWeather(random: Random, orders: number): Weather {
  const calm = random.chance(0.1);
  const some = <T>(most: number, draw: () => T): T[] => (calm ? [] : Array.from({ length: random.int(0, most) }, draw));
  const rate = (...rates: number[]): number => (calm ? 0 : random.pick(rates));
  return {
    crashes: some(4, () => ({
      atStep: random.int(10, 1_200),
      victim: random.int(0, 7),
      downMs: random.pick([0, 10, 200, 2_500]),
    })),
    rebalances: some(3, () => ({ atStep: random.int(10, 1_200) })),
    failpoints: random.chance(0.4)
      ? some(2, () => ({
          group: random.pick(SERVICES),
          order: random.int(0, orders - 1),
        }))
      : [],
    mendAt: random.pick([300, 1_500, 4_000]),
    discards: random.pick([0, 0, 0.5, 1]),
    lostAcknowledgement: rate(0, 0, 0.05, 0.2),
    lostCommit: rate(0, 0, 0.02, 0.1),
    brokenConnection: rate(0, 0, 0.005, 0.02),
    redelivery: rate(0, 0, 0.1, 0.3),
    redisLosses: some(3, () => ({
      atStep: random.int(10, 1_200),
      kind: random.pick(['emptied', 'restarted'] as const),
    })),
    redisFailures: rate(0, 0, 0.02, 0.1),
    refusals: random.chance(0.5) ? some(4, () => drawRefusal(random)) : [],
  };
}

function drawRefusal(random: Random) {
  const topic = random.pick([EVENTS['order-created'].topic, ...allTopics()]);
  return {
    what: random.chance(0.5) ? topic : `${topic}#${random.int(0, RECORD_GROUPS - 1)}`,
    at: random.int(0, COMMANDS_MS),
    forMs: random.pick([50, 700, 2_000, 4_000]),
  };
}

/** Whether this run is free of faults. */
export function isCalm({ weather }: World): boolean {
  const { crashes, rebalances, failpoints, redisLosses, refusals } = weather;
  const { lostAcknowledgement, lostCommit, brokenConnection, redelivery, redisFailures } = weather;
  return (
    crashes.length + rebalances.length + failpoints.length + redisLosses.length + refusals.length === 0 &&
    lostAcknowledgement + lostCommit + brokenConnection + redelivery + redisFailures === 0
  );
}

function priceOf(products: readonly SeedProduct[], productId: number): number {
  return products.find((product) => product.productId === productId)?.price ?? 0;
}
