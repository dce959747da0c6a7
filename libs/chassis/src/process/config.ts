import { hostname } from 'node:os';
import { z } from 'zod';
import { parseInternalKeys } from '../callers/index.ts';
import { connectionFaults, connectionVariables } from '../connections/index.ts';
import { switchVariable } from '../switch-variable.ts';
import { spansVariable } from './tracing.ts';
import { ConfigError, readVariable } from './variables.ts';

export { switchVariable };

const list = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine((parts) => parts.length > 0, 'expected at least one address');

const internalKeys = z.string().transform((text, context) => {
  try {
    return parseInternalKeys(text);
  } catch (error) {
    context.addIssue(error instanceof Error ? error.message : 'not usable');
    return z.NEVER;
  }
});

/** A consumer takes 256 partitions at a time, and a group may hear all topics. A test compares the numbers. */
const MAX_PARTITIONS = 40;

/**
 * What the topics are made with and must have. Another number of partitions moves keys between them: it is changed only
 * as docs/guides/change-partitions.md says.
 */
export const kafkaTopicConfig = {
  KAFKA_DURABILITY: z
    .enum(['replicated', 'single'])
    .default('replicated')
    .describe(
      'single: for one broker; a lost disk then loses events. replicated: no start with fewer copies than below',
    ),
  KAFKA_PARTITIONS: z.coerce.number().int().min(1).max(MAX_PARTITIONS).default(24).describe('partitions of each topic'),
  KAFKA_REPLICATION_FACTOR: z.coerce.number().int().min(2).max(9).default(3).describe('copies of each partition'),
  KAFKA_MIN_INSYNC_REPLICAS: z.coerce
    .number()
    .int()
    .min(2)
    .max(9)
    .default(2)
    .describe('copies that must have an event before it counts as sent; less than KAFKA_REPLICATION_FACTOR'),
} as const;

/** The metrics port is so far above the service's own, unless METRICS_PORT names another. */
export const METRICS_PORT_ABOVE = 100;

/** Variables of every service. A service's schema is `z.object({ ...serviceConfig, PORT: ..., OWN: ... })`. */
export const serviceConfig = {
  HOST: z.string().default('127.0.0.1').describe('address to listen on'),
  PORT: z.coerce.number().int().min(0).max(65_535).describe('port to listen on; 0 takes a free one'),
  METRICS_HOST: z
    .string()
    .default('127.0.0.1')
    .describe('address where /metrics is served; no client of the shop needs it'),
  METRICS_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .optional()
    .describe('port of /metrics; without it PORT + 100'),
  DATABASE_URL: z.url({ protocol: /^(mysql|mariadb)$/ }).describe('mysql://user:password@host:port/schema'),
  DATABASE_POOL: z.coerce.number().int().min(1).default(10).describe('most connections to the database at once'),
  KAFKA_BROKERS: list.describe('Kafka addresses, host:port, comma separated'),
  ...kafkaTopicConfig,
  SCHEMA_REGISTRY_URL: z.url().describe("the registry's Confluent API, e.g. http://127.0.0.1:18081/apis/ccompat/v7"),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).describe('redis://host:port'),
  ...connectionVariables,
  INTERNAL_KEYS: internalKeys.describe(
    'what the gateway signs its calls of services with, id:secret[,id:secret]; the first signs, all are accepted',
  ),
  INSTANCE_ID: z
    .string()
    .min(1)
    .default(`${hostname()}-${process.pid}`)
    .describe("this process's name in logs, e.g. order-1"),
  LOG_LEVEL: z
    .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .default('info')
    .describe('least level logged'),
  OTEL_EXPORTER_OTLP_ENDPOINT: spansVariable,
  RECOVERY: switchVariable
    .default(false)
    .describe('on: bring a schema that was restored from a backup forward by the topics before anything else starts'),
  RECOVERY_FROM: z.iso
    .datetime()
    .transform((text) => new Date(text))
    .optional()
    .describe('with RECOVERY=on: a time before the backup was taken, ISO 8601 in UTC'),
  RECOVERY_ACCEPT_GAPS: switchVariable
    .default(false)
    .describe('on: recover what there is, although the topics no longer hold everything since RECOVERY_FROM'),
  RECOVERY_BATCH: z.coerce.number().int().min(1).max(10_000).default(1_000).describe('events a transaction of it'),
} as const;

/**
 * Reads the variables that a schema names, each also from the file that `<name>_FILE` names. An empty variable counts
 * as unset. Throws `ConfigError`. The result is frozen.
 */
export function loadConfig<T extends z.ZodObject>(
  schema: T,
  env: NodeJS.ProcessEnv = process.env,
): Readonly<z.output<T>> {
  const { values, faults } = readAll(Object.keys(schema.shape), env);
  faults.push(...unfitForProduction(env));
  const result = schema.safeParse(values);
  // A file that cannot be read is told as such, not as a missing variable.
  if (faults.length === 0 && result.success)
    faults.push(...connectionFaults(result.data), ...portFaults(result.data), ...topicFaults(result.data));
  if (faults.length === 0 && result.success) return Object.freeze(result.data);
  const lines = (result.error?.issues ?? []).flatMap((issue) => {
    const name = String(issue.path[0] ?? '');
    if (faults.some((fault) => fault.startsWith(name))) return [];
    const problem = name && values[name] === undefined ? 'is missing' : `is wrong (${issue.message})`;
    const doc = describe(schema.shape[name]);
    return [`${name} ${problem}${doc ? `: ${doc}` : ''}`];
  });
  throw new ConfigError(`configuration:\n${[...faults, ...lines].map((line) => `  ${line}`).join('\n')}`);
}

function portFaults({ PORT, METRICS_PORT }: Readonly<Record<string, unknown>>): string[] {
  const metricsPort = Number(PORT) + METRICS_PORT_ABOVE;
  if (METRICS_PORT !== undefined || !(metricsPort > 65_535)) return [];
  return [`METRICS_PORT is missing: ${metricsPort}, which is ${METRICS_PORT_ABOVE} above PORT, is no port`];
}

function topicFaults(config: Readonly<Record<string, unknown>>): string[] {
  const { KAFKA_REPLICATION_FACTOR: replicas, KAFKA_MIN_INSYNC_REPLICAS: minInSync } = config;
  if (config.KAFKA_DURABILITY !== 'replicated' || Number(minInSync) < Number(replicas)) return [];
  return [
    `KAFKA_MIN_INSYNC_REPLICAS is ${minInSync}, and must be less than KAFKA_REPLICATION_FACTOR, which is ${replicas}: else nothing is sent while one broker is away`,
  ];
}

function unfitForProduction({ NODE_ENV, NODE_TLS_REJECT_UNAUTHORIZED }: NodeJS.ProcessEnv): string[] {
  const isBlind = NODE_ENV === 'production' && NODE_TLS_REJECT_UNAUTHORIZED === '0';
  return isBlind ? ['NODE_TLS_REJECT_UNAUTHORIZED is 0: any certificate of any server would be accepted'] : [];
}

function readAll(names: readonly string[], env: NodeJS.ProcessEnv) {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const name of names) {
    try {
      // A variable that the schema itself names, such as DEMO_KEY_FILE, is no other one's file.
      const value = names.includes(`${name}_FILE`) ? env[name] || undefined : readVariable(name, env);
      if (value !== undefined) values[name] = value;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      faults.push(error.message);
    }
  }
  return { values, faults };
}

/** The configuration in printable form: passwords in URLs and values of secret-sounding names are hidden. */
export function redactConfig(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([name, value]) => {
      const isSecret = /PASSWORD|SECRET|TOKEN|PRIVATE|CREDENTIAL|INTERNAL_KEYS|_TLS_(CA|CERT|KEY)$/i.test(name);
      if (isSecret && value !== undefined) return [name, '[redacted]'];
      return [name, typeof value === 'string' ? withoutPassword(value) : value];
    }),
  );
}

/** The text as it is unless it is a URL with a password, which may hold an @ that a pattern would take for its end. */
function withoutPassword(text: string): string {
  if (!URL.canParse(text)) return text.includes('@') && text.includes(':') ? '[redacted]' : text;
  const url = new URL(text);
  if (url.password === '') return text;
  url.password = 'REDACTED';
  return url.href.replace(':REDACTED@', ':[redacted]@');
}

function describe(field: unknown): string | undefined {
  return field instanceof z.ZodType ? field.description : undefined;
}
