import { kafkaTopicConfig, serviceConfig } from '@shop/chassis';
import { z } from 'zod';
import { WITH_VARIABLE } from '../services/services.ts';

/** The environment of the console. Addresses are read as by the command line: `../ops/src/addresses.ts`. */
export const configSchema = z.object({
  HOST: serviceConfig.HOST,
  PORT: serviceConfig.PORT.default(3007),
  INSTANCE_ID: serviceConfig.INSTANCE_ID,
  LOG_LEVEL: serviceConfig.LOG_LEVEL,
  INTERNAL_KEYS: serviceConfig.INTERNAL_KEYS,
  ...kafkaTopicConfig,
  [WITH_VARIABLE]: z.string().optional().describe('services of examples/ that run here, comma separated'),
});
