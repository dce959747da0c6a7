import { serviceConfig } from '@shop/service';
import { z } from 'zod';

/** The environment of ranking. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3005),
});

export type Config = Readonly<z.output<typeof configSchema>>;
