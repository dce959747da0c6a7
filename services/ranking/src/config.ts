import { serviceConfig } from '@shop/chassis';
import { z } from 'zod';
import { isTimeZone } from './domain/business-day.ts';

/** The environment of ranking. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3005),
  SHOP_TIME_ZONE: z
    .string()
    .refine(isTimeZone, 'expected an IANA time zone')
    .default('Asia/Seoul')
    .describe('whose calendar the business days are in, e.g. Asia/Seoul'),
});
