import { z } from 'zod';
import { switchVariable } from '../switch-variable.ts';

/** The servers that a process logs in to, by the beginning of their variables. */
export type ServerKind = 'DATABASE' | 'KAFKA' | 'SCHEMA_REGISTRY' | 'REDIS';

const text = (what: string) => z.string().optional().describe(what);

function tlsVariables<K extends ServerKind>(kind: K) {
  const variables = {
    [`${kind}_TLS_CA`]: text('certificates of the authorities that are believed, PEM; without it those of Node'),
    [`${kind}_TLS_CERT`]: text('the certificate that this process shows, PEM, where the server asks for one'),
    [`${kind}_TLS_KEY`]: text('the private key of that certificate, PEM, not encrypted'),
  };
  return variables as Record<`${K}_TLS_${'CA' | 'CERT' | 'KEY'}`, ReturnType<typeof text>>;
}

export const databaseVariables = {
  DATABASE_TLS: switchVariable
    .optional()
    .describe(
      'on: TLS, and the server is checked; on also where DATABASE_TLS_CA is given. off: passwords may go to a server on another machine without TLS, because the network is trusted',
    ),
  ...tlsVariables('DATABASE'),
};

export const kafkaVariables = {
  KAFKA_TLS: switchVariable
    .optional()
    .describe(
      'on: TLS; on also where KAFKA_TLS_CA is given. off: a password may go to a broker on another machine without TLS, because the network is trusted',
    ),
  ...tlsVariables('KAFKA'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('how this process logs in to Kafka; without it, it does not, or by its certificate'),
  KAFKA_SASL_USERNAME: text('the user for KAFKA_SASL_MECHANISM'),
  KAFKA_SASL_PASSWORD: text("that user's password"),
};

export const registryVariables = {
  ...tlsVariables('SCHEMA_REGISTRY'),
  SCHEMA_REGISTRY_USERNAME: text('the user for a registry that asks for one (HTTP basic authentication)'),
  SCHEMA_REGISTRY_PASSWORD: text("that user's password"),
};

const addresses = z.string().transform((text, context) => {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.every((part) => /^[^\s:]+:\d+$|^\[[\da-f:]+\]:\d+$/i.test(part))) return parts;
  context.addIssue('expected host:port, comma separated');
  return z.NEVER;
});

export const redisVariables = {
  ...tlsVariables('REDIS'),
  REDIS_SENTINELS: addresses
    .optional()
    .describe(
      'addresses of Sentinels, host:port, comma separated: they tell where the master is, and REDIS_URL says only how it is spoken to (rediss, user, password, database)',
    ),
  REDIS_SENTINEL_MASTER: text('the name under which the Sentinels know the master, e.g. mymaster'),
  REDIS_SENTINEL_USERNAME: text("the Sentinels' user, where they have one"),
  REDIS_SENTINEL_PASSWORD: text("the Sentinels' password, where they ask for one"),
};

/** Variables that say how a process proves who it is, and whom it believes. All may be left out. */
export const connectionVariables = {
  ...databaseVariables,
  ...kafkaVariables,
  ...registryVariables,
  ...redisVariables,
};

export type ConnectionConfig = Readonly<Partial<z.output<z.ZodObject<typeof connectionVariables>>>>;
