import {
  type Batcher,
  clientOf,
  currentTraceparent,
  DomainError,
  idempotencyKeyFrom,
  parse,
  requestHash,
  toPage,
  userIdFrom,
  userQuery,
} from '@shop/chassis';
import type { Router } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { CHARGE_AMOUNT, isChargeAmount } from '../domain/charge.ts';
import type { PaymentProblem } from '../problems.ts';
import { CHARGE_SCOPE, type Charged, type ChargeRequest } from '../usecases/charge-points.ts';
import type { PointReads } from '../usecases/ports.ts';
import { chargeBody, historyQuery } from './schemas.ts';

export interface PointRoutes {
  readonly reads: PointReads;
  /** In won. Concurrent reads share one query. Nothing is cached, so an answered charge is visible. */
  readonly balances: Pick<Batcher<number, number>, 'submit'>;
  readonly charges: Pick<Batcher<ChargeRequest, Charged>, 'submit'>;
}

/** In won. */
export type Balance = Pick<Charged, 'userId' | 'balance'>;

/** Payment's HTTP routes: points are charged and read here; orders are paid by events. */
export function pointRoutes({ reads, balances, charges }: PointRoutes): (router: Router) => void {
  return (router) => {
    router.post('/points/charge', async (request, response) => {
      const { amount } = parse(chargeBody, request.body);
      const userId = userIdFrom(request);
      const key = idempotencyKeyFrom(request);
      if (!isChargeAmount(amount)) {
        const { min, max } = CHARGE_AMOUNT;
        throw new DomainError<PaymentProblem>(
          'INVALID_CHARGE_AMOUNT',
          `A charge is a whole number of won from ${min} to ${max}.`,
        );
      }
      const requestId = uuidv7();
      const claim = key && {
        userId,
        scope: CHARGE_SCOPE,
        key,
        requestHash: requestHash({ userId, amount }),
        requestId,
      };
      const traceparent = currentTraceparent();
      const charge = {
        userId,
        amount,
        requestId,
        ...(claim ? { claim } : {}),
        ...(traceparent ? { traceparent } : {}),
      };
      const { balance, replayed } = await charges.submit(charge, clientOf(request, response));
      if (replayed) response.setHeader('Idempotency-Replayed', 'true');
      response.json({ userId, balance } satisfies Balance);
    });

    router.get('/points', async (request, response) => {
      parse(userQuery, request.query);
      const userId = userIdFrom(request);
      response.json({ userId, balance: await balances.submit(userId) } satisfies Balance);
    });

    router.get('/points/history', async (request, response) => {
      const { cursor, limit } = parse(historyQuery, request.query);
      const userId = userIdFrom(request);
      const rows = await reads.historyOf(userId, { before: cursor, take: limit + 1 });
      response.json(toPage(rows, limit, (row) => row.id));
    });
  };
}
