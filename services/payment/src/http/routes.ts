import {
  type Batcher,
  currentTraceparent,
  DomainError,
  idempotencyKeyFrom,
  pageQuery,
  parse,
  requestHash,
  toPage,
  userIdFrom,
  userIdSchema,
} from '@shop/service';
import type { Router } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import type { PointReads } from '../db/points.ts';
import { CHARGE_AMOUNT, isChargeAmount } from '../domain/charge.ts';
import { CHARGE_SCOPE, type Charged, type ChargeRequest } from '../usecases/charge-points.ts';

export interface PointRoutes {
  readonly reads: PointReads;
  readonly charges: Pick<Batcher<ChargeRequest, Charged>, 'submit'>;
}

const chargeBody = z.strictObject({ userId: userIdSchema.optional(), amount: z.number() });
/** `userId` is looked at elsewhere. */
const pointsQuery = z.strictObject({ userId: z.string().optional() });
const historyQuery = z.strictObject({ ...pageQuery.shape, ...pointsQuery.shape });

/** The HTTP side of payment: points are charged and read here; orders are paid by events. */
export function pointRoutes({ reads, charges }: PointRoutes): (router: Router) => void {
  return (router) => {
    router.post('/points/charge', async (request, response) => {
      const { amount } = parse(chargeBody, request.body);
      const userId = userIdFrom(request);
      const key = idempotencyKeyFrom(request);
      if (!isChargeAmount(amount)) {
        const { min, max } = CHARGE_AMOUNT;
        throw new DomainError('INVALID_CHARGE_AMOUNT', `A charge is a whole number of won from ${min} to ${max}.`);
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
      const { balance, replayed } = await charges.submit({
        userId,
        amount,
        requestId,
        ...(claim ? { claim } : {}),
        ...(traceparent ? { traceparent } : {}),
      });
      if (replayed) response.setHeader('Idempotency-Replayed', 'true');
      response.json({ userId, balance });
    });

    router.get('/points', async (request, response) => {
      parse(pointsQuery, request.query);
      const userId = userIdFrom(request);
      response.json({ userId, balance: await reads.balanceOf(userId) });
    });

    router.get('/points/history', async (request, response) => {
      const { cursor, limit } = parse(historyQuery, request.query);
      const userId = userIdFrom(request);
      const rows = await reads.historyOf(userId, { before: cursor, take: limit + 1 });
      response.json(toPage(rows, limit, (row) => row.id));
    });
  };
}
