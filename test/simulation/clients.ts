import { DomainError, isDatabaseError } from '@shop/chassis';
import { unreachable } from '@shop/chassis/unreachable';
import type { ProductChanges } from '../../services/catalog/src/usecases/change-products.ts';
import { NO_DETAILS } from '../../services/order/test/examples.ts';
import type { Ask } from '../judge/coupons.ts';
import { ConnectionLost, type Instance } from './instance.ts';
import type { Random } from './random.ts';
import type { Actor, Scheduler } from './scheduler.ts';
import type { ChargeUseCase, OrderUseCases } from './services.ts';
import type { ClientAnswer, IssueAnswer } from './shop-at-rest.ts';
import type { CouponUseCases } from './wire-coupon.ts';
import type { Command, World } from './world.ts';

const CLIENT: Actor = { name: 'client', alive: true };
const RETRY_AFTER_MS = 50;

export interface Servers {
  readonly order: readonly Instance<OrderUseCases>[];
  readonly catalog: readonly Instance<ProductChanges>[];
  readonly coupon: readonly Instance<CouponUseCases>[];
  readonly payment: readonly Instance<ChargeUseCase>[];
}

/** All HTTP clients of the shop. A client without an answer repeats its request with the same key until it has one. */
export class Clients {
  readonly answers: ClientAnswer[] = [];
  /** Answers that no client should ever get. */
  readonly complaints: string[] = [];
  /** Each request for a coupon, by policy, with the steps at which it was sent and answered. */
  readonly asks = new Map<number, Ask[]>();
  waiting: number;
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #servers: Servers;
  readonly #orderIds = new Map<number, string>();
  readonly #asked = new Map<string, number>();
  #requests = 0;

  constructor(world: World, scheduler: Scheduler, random: Random, servers: Servers) {
    this.#scheduler = scheduler;
    this.#random = random;
    this.#servers = servers;
    this.waiting = world.commands.length;
    for (const command of world.commands) void this.#carryOut(command);
  }

  /** The order that an id was requested for; undefined if it is no order's. */
  orderOf(orderId: string): number | undefined {
    return this.#asked.get(orderId);
  }

  async #carryOut(command: Command): Promise<void> {
    await this.#scheduler.sleep(CLIENT, command.at, command.key);
    for (;;) {
      try {
        const answer = await this.#ask(command);
        await this.#scheduler.step(CLIENT, `${command.key} is answered ${answer.orderId ?? ''}`);
        this.answers.push(answer);
        if (command.kind === 'place' && answer.orderId) this.#orderIds.set(command.order, answer.orderId);
        break;
      } catch (error) {
        if (!(error instanceof ConnectionLost) && !isDatabaseError(error)) {
          this.complaints.push(`${command.key} was answered with ${error instanceof Error ? error.message : error}`);
          break;
        }
        await this.#scheduler.sleep(CLIENT, RETRY_AFTER_MS, `${command.key} again`);
      }
    }
    this.waiting--;
  }

  async #ask(command: Command): Promise<ClientAnswer> {
    const { key, userId } = { userId: 0, ...command };
    const requestId = uuid(this.#scheduler.now, ++this.#requests);
    const requestHash = key;
    switch (command.kind) {
      case 'place': {
        const { lines, couponId, expectedTotal } = command;
        const details = { ...NO_DETAILS, couponId, expectedTotal };
        this.#asked.set(requestId, command.order);
        const placement = { orderId: requestId, userId, ...details, lines, traceparent: null };
        const [result] = await this.#call(this.#servers.order, (order) =>
          order.place([{ placement, idempotency: { key, requestHash } }]),
        );
        if (!result?.ok) throw result?.error ?? new Error('no result');
        return { key, orderId: result.value.orderId };
      }
      case 'cancel': {
        // A client cancels an order only after it was told its id.
        const orderId = this.#orderIds.get(command.order);
        if (!orderId) throw new ConnectionLost('not placed yet');
        const idempotency = { key, requestHash };
        await this.#call(this.#servers.order, (order) =>
          order.cancel({ requestId, orderId, userId, idempotency, traceparent: null }),
        );
        return { key };
      }
      case 'charge': {
        const claim = { userId, scope: 'POST /points/charge', key, requestHash, requestId };
        const [result] = await this.#call(this.#servers.payment, (charge) =>
          charge([{ userId, amount: command.amount, requestId, claim }]),
        );
        if (!result?.ok) throw result?.error ?? new Error('no result');
        return { key };
      }
      case 'restock': {
        const { productId, quantity } = command;
        const claim = { userId, scope: `PATCH /products/${productId}`, key, requestHash, requestId };
        await this.#call(this.#servers.catalog, (products) =>
          products.update({ requestId, claim }, productId, { restock: quantity }),
        );
        return { key };
      }
      case 'sale': {
        const { productId, onSale } = command;
        const claim = { userId, scope: `PATCH /products/${productId}`, key, requestHash, requestId };
        await this.#call(this.#servers.catalog, (products) =>
          products.update({ requestId, claim }, productId, { onSale }),
        );
        return { key };
      }
      case 'end': {
        const { couponPolicyId, revoke } = command;
        await this.#call(this.#servers.coupon, (coupon) =>
          coupon.end({ requestId, couponPolicyId, reason: key, revoke }),
        );
        return { key };
      }
      case 'take-back': {
        const { productId, quantity } = command;
        const claim = { userId, scope: `PATCH /products/${productId}`, key, requestHash, requestId };
        const change = { requestId, claim };
        const taking = this.#call(this.#servers.catalog, (products) =>
          products.update(change, productId, { takeBack: quantity }).then(
            () => true,
            (error: unknown) => {
              if (error instanceof DomainError && error.code === 'NOT_ENOUGH_AVAILABLE') return false;
              throw error;
            },
          ),
        );
        return { key, isTakenBack: await taking };
      }
      case 'issue':
        return await this.#askForCoupon(command, requestId);
      default:
        return unreachable(command);
    }
  }

  async #askForCoupon(command: Extract<Command, { kind: 'issue' }>, requestId: string): Promise<ClientAnswer> {
    const { key, userId, couponPolicyId, isForLog } = command;
    const request = { requestId, userId, couponPolicyId };
    const isOwner = (it: ClientAnswer) => it.issue?.userId === userId && it.issue.couponPolicyId === couponPolicyId;
    const hadOne = this.answers.some((it) => isOwner(it) && it.issue?.couponId !== undefined);
    const ask = this.#noteAsk(command);
    const issue = await this.#call(this.#servers.coupon, async (coupon): Promise<IssueAnswer> => {
      const told = { userId, couponPolicyId, hadOne };
      const asked = isForLog ? await coupon.askBeforeLog(request) : await coupon.ask(request);
      if (!asked) return { ...told, kind: 'ACCEPTED', way: 'log', requestId: await coupon.accept(request) };
      const { outcome, way } = asked;
      return {
        ...told,
        kind: outcome.kind,
        way,
        ...('coupon' in outcome ? { couponId: outcome.coupon.couponId } : {}),
      };
    });
    if (issue.couponId !== undefined) ask({ kind: 'ISSUED', couponId: issue.couponId });
    else if (issue.kind === 'SOLD_OUT') ask({ kind: 'SOLD_OUT', way: issue.way === 'door' ? 'door' : 'database' });
    return { key, issue };
  }

  /** Notes a request that may have any effect from now on, until what it is told is noted too. */
  #noteAsk({ userId, couponPolicyId }: Extract<Command, { kind: 'issue' }>): (told: Ask['told']) => void {
    const asks = this.asks.get(couponPolicyId) ?? [];
    this.asks.set(couponPolicyId, asks);
    const called = this.#scheduler.stepsTaken;
    const index = asks.push({ userId, called, returned: Number.POSITIVE_INFINITY, told: undefined }) - 1;
    return (told) => {
      asks[index] = { userId, called, returned: this.#scheduler.stepsTaken, told };
    };
  }

  #call<UseCases, T>(
    instances: readonly Instance<UseCases>[],
    request: (useCases: UseCases) => Promise<T>,
  ): Promise<T> {
    return this.#random.pick(instances).call(request);
  }
}

/** A UUIDv7 of a time (ms since the epoch) that contains a number. */
function uuid(at: number, number: number): string {
  const time = Math.floor(at).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${number.toString(16).padStart(12, '0')}`;
}
