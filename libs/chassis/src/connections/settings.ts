import { isIP } from 'node:net';
import { checkServerIdentity, getCACertificates, type PeerCertificate } from 'node:tls';
import { type TlsSettings, tlsFaults, tlsOf, verifiedTls } from './tls.ts';
import type { ConnectionConfig, ServerKind } from './variables.ts';

/** How connections to a database are protected. */
export interface DatabaseSecurity {
  /** Undefined: no TLS. */
  readonly tls?: TlsSettings | undefined;
  /** True: a password may go without TLS to a server on another machine. */
  readonly trustsNetwork?: boolean | undefined;
}

export interface KafkaSecurity {
  /** Undefined: no TLS. */
  readonly tls?: TlsSettings | undefined;
  /** Undefined: nobody logs in. */
  readonly sasl?: KafkaLogin | undefined;
}

export interface KafkaLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** How a schema registry is asked. Its URL says whether by TLS. */
export interface RegistryAccess {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: TlsSettings | undefined;
}

/** A Redis server, or the Sentinels that know it. */
export interface RedisServer {
  /** `redis://` or, with TLS, `rediss://`, then `user:password@host:port/database`. */
  readonly url: string;
  readonly tls?: TlsSettings | undefined;
  /** Undefined: the server is the one of the URL. */
  readonly sentinel?: RedisSentinel | undefined;
}

export interface RedisSentinel {
  /** `host:port` of each Sentinel. */
  readonly addresses: readonly string[];
  /** The name under which they know the master. */
  readonly master: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
}

export function databaseSecurity(config: ConnectionConfig): DatabaseSecurity {
  const tls = tlsOf('DATABASE', config) ?? (config.DATABASE_TLS ? {} : undefined);
  return { tls, trustsNetwork: config.DATABASE_TLS === false };
}

export function kafkaSecurity(config: ConnectionConfig): KafkaSecurity {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = config;
  const tls = tlsOf('KAFKA', config) ?? (config.KAFKA_TLS ? {} : undefined);
  return { tls, sasl: mechanism && { mechanism, username: username ?? '', password: password ?? '' } };
}

export function registryAccess(config: ConnectionConfig): RegistryAccess {
  return {
    username: config.SCHEMA_REGISTRY_USERNAME,
    password: config.SCHEMA_REGISTRY_PASSWORD,
    tls: tlsOf('SCHEMA_REGISTRY', config),
  };
}

export function redisServer(config: ConnectionConfig & { readonly REDIS_URL: string }): RedisServer {
  const { REDIS_SENTINELS: addresses, REDIS_SENTINEL_MASTER: master = '' } = config;
  const [username, password] = [config.REDIS_SENTINEL_USERNAME, config.REDIS_SENTINEL_PASSWORD];
  return {
    url: config.REDIS_URL,
    tls: tlsOf('REDIS', config),
    sentinel: addresses && { addresses, master, username, password },
  };
}

/** Where the servers are. */
interface Places {
  readonly DATABASE_URL?: unknown;
  readonly KAFKA_BROKERS?: unknown;
  readonly SCHEMA_REGISTRY_URL?: unknown;
  readonly REDIS_URL?: unknown;
}

/** Variables that contradict each other or lack another, each in words that begin with the variable. */
export function connectionFaults(config: ConnectionConfig & Places): readonly string[] {
  const kinds: readonly ServerKind[] = ['DATABASE', 'KAFKA', 'SCHEMA_REGISTRY', 'REDIS'];
  return [
    ...kinds.flatMap((kind) => tlsFaults(kind, tlsOf(kind, config) ?? {})),
    ...switchedOff('DATABASE', config.DATABASE_TLS, config),
    ...switchedOff('KAFKA', config.KAFKA_TLS, config),
    ...withoutTls('SCHEMA_REGISTRY', config.SCHEMA_REGISTRY_URL, 'https:', config),
    ...withoutTls('REDIS', config.REDIS_URL, 'rediss:', config),
    ...sentinelFaults(config),
    ...loginFaults('KAFKA_SASL', config.KAFKA_SASL_USERNAME, config.KAFKA_SASL_PASSWORD),
    ...loginFaults('SCHEMA_REGISTRY', config.SCHEMA_REGISTRY_USERNAME, config.SCHEMA_REGISTRY_PASSWORD),
    ...mechanismFaults(config),
    ...readablePasswords(config),
  ];
}

/** Passwords that would go to another machine without TLS, although nobody has said that the network is trusted. */
function readablePasswords(config: ConnectionConfig & Places): string[] {
  const { DATABASE_URL: url, KAFKA_BROKERS: brokers, KAFKA_TLS, KAFKA_SASL_MECHANISM } = config;
  const words = (kind: 'DATABASE' | 'KAFKA', server: string, host: string) =>
    `${kind}_TLS is missing: the password of ${server} goes to ${host}, another machine: ` +
    `on, ${kind}_TLS_CA, or off where the network in between is trusted`;
  const faults: string[] = [];
  const database = typeof url === 'string' && URL.canParse(url) ? new URL(url) : undefined;
  const { tls, trustsNetwork } = databaseSecurity(config);
  if (!tls && !trustsNetwork && database?.password && !isLoopback(database.hostname))
    faults.push(words('DATABASE', 'MySQL', database.hostname));
  const isPlain = KAFKA_SASL_MECHANISM === 'plain' && KAFKA_TLS !== false && !kafkaSecurity(config).tls;
  const hosts = Array.isArray(brokers) ? brokers.map((broker) => String(broker).replace(/:\d+$/, '')) : [];
  const far = isPlain ? hosts.find((host) => !isLoopback(host)) : undefined;
  if (far !== undefined) faults.push(words('KAFKA', 'Kafka', far));
  return faults;
}

function switchedOff(kind: ServerKind, on: boolean | undefined, config: ConnectionConfig): string[] {
  const isLeft = on === false && tlsOf(kind, config) !== undefined;
  return isLeft ? [`${kind}_TLS is off, and a certificate is given: which of them is meant?`] : [];
}

function withoutTls(kind: ServerKind, url: unknown, protocol: string, config: ConnectionConfig): string[] {
  const isLeft = typeof url === 'string' && !url.startsWith(protocol) && tlsOf(kind, config) !== undefined;
  return isLeft ? [`${kind}_URL must begin with ${protocol}// for the certificates of ${kind}_TLS_* to be used`] : [];
}

function loginFaults(prefix: string, username: string | undefined, password: string | undefined): string[] {
  if ((username === undefined) === (password === undefined)) return [];
  const missing = username === undefined ? 'USERNAME' : 'PASSWORD';
  return [`${prefix}_${missing} is missing: user and password belong together`];
}

function mechanismFaults({ KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username }: ConnectionConfig) {
  if (mechanism !== undefined && username === undefined)
    return [`KAFKA_SASL_USERNAME is missing: ${mechanism} logs a user in`];
  if (mechanism === undefined && username !== undefined)
    return ['KAFKA_SASL_MECHANISM is missing: how does KAFKA_SASL_USERNAME log in?'];
  return [];
}

function sentinelFaults({ REDIS_SENTINELS: sentinels, REDIS_SENTINEL_MASTER: master }: ConnectionConfig): string[] {
  if (sentinels !== undefined && master === undefined)
    return ['REDIS_SENTINEL_MASTER is missing: under which name do the Sentinels know the master?'];
  if (sentinels === undefined && master !== undefined)
    return ['REDIS_SENTINELS is missing: who knows where REDIS_SENTINEL_MASTER is?'];
  return [];
}

/** Address, user and protection of a connection, as the driver of the database takes them. */
export interface DatabaseTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly ssl?: object;
  readonly allowPublicKeyRetrieval: boolean;
}

/**
 * @param url `mysql://user:password@host:port/[schema]`
 * Without TLS a server's key for passwords is asked for only where nobody can stand in between: on this machine, or
 * where the network is trusted. Whoever answers with a key of his own reads the password.
 */
export function databaseTarget(url: string, { tls, trustsNetwork = false }: DatabaseSecurity = {}): DatabaseTarget {
  const { hostname, port, username, password } = new URL(url);
  // The driver checks the name 'localhost' unless it is told of another.
  const checkName = (_name: string, certificate: PeerCertificate) => checkServerIdentity(hostname, certificate);
  const named = isIP(hostname) ? {} : { servername: hostname };
  // Without authorities of its own, the driver takes any certificate of a server that says it is MariaDB 11.4 or later.
  const ca = tls?.ca ?? getCACertificates('default');
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    ...(tls && { ssl: { ...verifiedTls(tls), ca, ...named, checkServerIdentity: checkName } }),
    allowPublicKeyRetrieval: !tls && (trustsNetwork || isLoopback(hostname)),
  };
}

/** Whether a host's name or address is this machine's own. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
