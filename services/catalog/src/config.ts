import { serviceConfig } from '@shop/chassis';
import { z } from 'zod';

/** The environment of the catalog. */
export const configSchema = z.object({
  ...serviceConfig,
  PORT: serviceConfig.PORT.default(3002),
});
