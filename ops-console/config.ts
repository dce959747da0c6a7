import { connectionVariables, kafkaTopicConfig, serviceConfig } from '@shop/chassis';
import { z } from 'zod';
import { METRICS_PORT_VARIABLE, WITH_VARIABLE } from '../services/services.ts';

const minutes = (fallback: number) => z.coerce.number().int().min(0).max(1_440).default(fallback);

/** The environment of the console. Addresses are read as by the command line: `../ops/src/addresses.ts`. */
export const configSchema = z.object({
  HOST: serviceConfig.HOST,
  PORT: serviceConfig.PORT.default(3007),
  METRICS_HOST: serviceConfig.METRICS_HOST,
  METRICS_PORT: serviceConfig.METRICS_PORT,
  INSTANCE_ID: serviceConfig.INSTANCE_ID,
  LOG_LEVEL: serviceConfig.LOG_LEVEL,
  INTERNAL_KEYS: serviceConfig.INTERNAL_KEYS,
  ...connectionVariables,
  OTEL_EXPORTER_OTLP_ENDPOINT: serviceConfig.OTEL_EXPORTER_OTLP_ENDPOINT,
  ...kafkaTopicConfig,
  AUDIT_EVERY_MINUTES: minutes(15).describe('how often the console audits by itself, minutes; 0: never'),
  AUDIT_SINCE_MINUTES: minutes(120).describe(
    'orders and events that began earlier are left out of it, minutes; sums over whole tables are not',
  ),
  ORDER_DEADLINE_MS: z.coerce
    .number()
    .int()
    .min(1)
    .default(30_000)
    .describe('as the order service has it: audits find no fault in orders that are PENDING for less, ms'),
  [METRICS_PORT_VARIABLE]: serviceConfig.METRICS_PORT.describe(
    'METRICS_PORT of all other instances, where they have the same; without it 100 above the port of their URL',
  ),
  [WITH_VARIABLE]: z.string().optional().describe('services of examples/ that run here, comma separated'),
});
