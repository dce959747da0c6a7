import { serviceConfig } from '@shop/service';
import { z } from 'zod';

/** The environment of coupon. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3004),
});

export type Config = Readonly<z.output<typeof configSchema>>;
