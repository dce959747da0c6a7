export { connectionFault } from './fault.ts';
export {
  connectionFaults,
  type DatabaseSecurity,
  databaseSecurity,
  databaseTarget,
  isLoopback,
  type KafkaSecurity,
  kafkaSecurity,
  type RedisServer,
  type RegistryAccess,
  redisServer,
  registryAccess,
} from './settings.ts';
export { type TlsSettings, verifiedTls } from './tls.ts';
export {
  type ConnectionConfig,
  connectionVariables,
  databaseVariables,
  redisVariables,
} from './variables.ts';
