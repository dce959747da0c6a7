import { pageQuery, userIdSchema, userQuery } from '@shop/chassis';
import { z } from 'zod';
import { CHARGE_AMOUNT } from '../domain/charge.ts';

export const chargeBody = z.strictObject({
  userId: userIdSchema.optional(),
  // Other numbers are refused with their own code, INVALID_CHARGE_AMOUNT.
  amount: z.number().meta({
    type: 'integer',
    minimum: CHARGE_AMOUNT.min,
    maximum: CHARGE_AMOUNT.max,
    description: 'points to add, won',
  }),
});

export const historyQuery = z.strictObject({ ...pageQuery.shape, ...userQuery.shape });
