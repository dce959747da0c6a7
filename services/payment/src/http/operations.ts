import { userQuery } from '@shop/chassis';
import {
  answerHeaders,
  describes,
  idempotencyHeaders,
  type PassedOperation,
  pageOf,
  timeSchema,
  uuidSchema,
  wonSchema,
} from '@shop/chassis/api';
import { z } from 'zod';
import type { PointHistoryItem } from '../usecases/ports.ts';
import type { Balance } from './routes.ts';
import { chargeBody, historyQuery } from './schemas.ts';

const balance = describes<Balance>()(
  z
    .strictObject({
      userId: z.int().describe('whose points'),
      balance: wonSchema.describe('points there are, won; at most 1,000,000,000'),
    })
    .meta({ id: 'Balance', description: 'What an account holds.' }),
);

const historyItem = describes<PointHistoryItem>()(
  z
    .strictObject({
      id: z.int().describe('the entry; later ones are greater'),
      type: z.enum(['CHARGE', 'USE', 'REFUND']).describe('charged, paid for an order, or given back for one'),
      amount: wonSchema.describe('won, never negative; the type says which way'),
      balanceAfter: wonSchema.describe('the balance after it, won'),
      orderId: uuidSchema.optional().describe('the order it was used for, or refunded for'),
      createdAt: timeSchema.describe('ISO 8601, UTC'),
    })
    .meta({ id: 'PointEntry', description: 'One change of an account.' }),
);

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'chargePoints',
    method: 'POST',
    path: '/points/charge',
    access: 'user',
    class: 'begin',
    tag: 'points',
    summary: 'Add points to the account',
    description: 'Without an `Idempotency-Key` each call is a charge of its own.',
    headers: idempotencyHeaders,
    body: { schema: chargeBody, examples: { 'a million won': { amount: 1_000_000 } } },
    answers: {
      200: {
        description: 'Charged.',
        schema: balance,
        headers: { 'Idempotency-Replayed': answerHeaders.replayed },
        example: { userId: 1, balance: 2_000_000 },
      },
    },
    problems: ['INVALID_CHARGE_AMOUNT', 'BALANCE_LIMIT_EXCEEDED', 'IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_REUSED'],
  },
  {
    operationId: 'getPoints',
    method: 'GET',
    path: '/points',
    access: 'user',
    class: 'browse',
    tag: 'points',
    summary: 'What the account holds',
    query: userQuery,
    answers: { 200: { description: 'The balance; 0 for a user who never charged.', schema: balance } },
  },
  {
    operationId: 'listPointHistory',
    method: 'GET',
    path: '/points/history',
    access: 'user',
    class: 'browse',
    tag: 'points',
    summary: 'Every change of the account, newest first',
    query: historyQuery,
    answers: { 200: { description: 'A page of entries.', schema: pageOf(historyItem) } },
  },
];
