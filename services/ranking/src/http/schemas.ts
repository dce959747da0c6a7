import { z } from 'zod';
import { KEPT_DAYS, MAX_POPULAR } from '../usecases/ports.ts';

export const popularQuery = z.strictObject({
  days: count(KEPT_DAYS, 3, 'business days that are counted, today among them'),
  limit: count(MAX_POPULAR, 5, 'products, at most'),
});
export const reconcileQuery = z.strictObject({ execute: z.enum(['true', 'false']).default('false') });

function count(most: number, otherwise: number, description: string) {
  return z
    .string()
    .refine((text) => /^\d{1,3}$/.test(text) && Number(text) >= 1 && Number(text) <= most, `expected 1 to ${most}`)
    .transform(Number)
    .default(otherwise)
    .meta({ type: 'integer', minimum: 1, maximum: most, default: otherwise, description });
}
