import {
  type ConnectionConfig,
  connectionVariables,
  type DatabaseSecurity,
  databaseSecurity,
  type KafkaSecurity,
  kafkaSecurity,
  loadConfig,
  type RedisServer,
  type RegistryAccess,
  redisServer,
  registryAccess,
} from '@shop/chassis';
import { type AskRegistry, registryCalls } from '@shop/events';
import { z } from 'zod';

/** How the tools prove who they are to the servers, and whom they believe: by the variables of the services. */
export interface Access {
  readonly database: DatabaseSecurity;
  readonly kafka: KafkaSecurity;
  readonly registry: RegistryAccess;
  readonly redis: Omit<RedisServer, 'url'>;
}

let known: Access | undefined;
const registries = new Map<string, AskRegistry>();

/** Requests to the registry of this URL; all of a command share their connections. */
export function askRegistry(url: string): AskRegistry {
  const ask = registries.get(url) ?? registryCalls(url, access().registry).ask;
  registries.set(url, ask);
  return ask;
}

/** Read once from the environment. Throws ConfigError, in words, when it is not usable. */
export function access(): Access {
  known ??= readAccess(loadConfig(z.object(connectionVariables)));
  return known;
}

function readAccess(config: ConnectionConfig): Access {
  return {
    database: databaseSecurity(config),
    kafka: kafkaSecurity(config),
    registry: registryAccess(config),
    redis: redisServer({ ...config, REDIS_URL: '' }),
  };
}
