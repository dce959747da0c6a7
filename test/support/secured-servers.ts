import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { databaseTarget } from '@shop/chassis';
import { type Authority, createAuthority, type Issued } from '@shop/chassis/testing';
import { createConnection } from 'mariadb';
import { kafka } from '../../deploy/local/parts/kafka.ts';
import { mysql } from '../../deploy/local/parts/mysql.ts';
import { redis } from '../../deploy/local/parts/redis.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { run } from '../../deploy/local/run.ts';
import type { OwnServer, OwnServers } from './own-servers.ts';

/** Files of an authority, of a certificate that it issued, and of its key. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export function tlsFiles(own: OwnServers, name: string, { ca }: Authority, { cert, key }: Issued): TlsFiles {
  return {
    ca: own.file(`${name}-ca.pem`, ca),
    cert: own.file(`${name}-cert.pem`, cert),
    key: own.file(`${name}-key.pem`, key),
  };
}

/** Another authority than that of the servers: nobody knows it. */
export const strangers = createAuthority('strangers');

/** A MySQL that talks by TLS only, with a root without a password. */
export function startSecuredMysql(
  own: OwnServers,
  { ca, cert, key }: TlsFiles,
  authority: Authority,
): Promise<OwnServer> {
  return own.start({
    name: 'mysql',
    server: mysql,
    args: (usual) => [
      ...usual,
      '--require-secure-transport=ON',
      ...[`--ssl-ca=${ca}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`],
    ],
    probe: async (port) => (await rootConnection(port, authority)).end(),
  });
}

export function rootConnection(port: number, { ca }: Authority) {
  return createConnection({
    ...databaseTarget(`mysql://root@127.0.0.1:${port}/`, { tls: { ca } }),
    connectTimeout: 2_000,
  });
}

/** User and password that the secured Kafka knows, for SCRAM and for PLAIN. */
export const KAFKA_USER = { username: 'shop', password: 'p-w:1' };

/** A Kafka with a listener for each way to log in. */
export interface SecuredKafka extends OwnServer {
  /** `host:port`, SASL_SSL: PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly sasl: string;
  /** `host:port`, SSL: whoever shows a certificate of the authority. */
  readonly mutual: string;
}

export async function startSecuredKafka(own: OwnServers, authority: Authority, server: Issued): Promise<SecuredKafka> {
  const [mutual, inside] = [await freePort(), await freePort()];
  const started = await own.start({
    name: 'kafka',
    server: kafka,
    prepared: async (data, port) => {
      const file = join(data, 'server.properties');
      const usual = readFileSync(file, 'utf8').replaceAll(
        /^(listeners|advertised\.listeners|listener\.security.*)=.*\n/gm,
        '',
      );
      const controller = /controller\.quorum\.voters=1@(\S+)/.exec(usual)?.[1] ?? '';
      writeFileSync(file, `${usual}${securedListeners({ sasl: port, mutual, inside, controller }, authority, server)}`);
      await formatWithUsers(data, port);
    },
    args: (usual) => usual,
    probe: (port) => reachable(port),
  });
  return { ...started, sasl: `127.0.0.1:${started.port}`, mutual: `127.0.0.1:${mutual}` };
}

interface Listeners {
  readonly sasl: number;
  readonly mutual: number;
  readonly inside: number;
  readonly controller: string;
}

function securedListeners(
  { sasl, mutual, inside, controller }: Listeners,
  { ca }: Authority,
  { cert, key }: Issued,
): string {
  const outside = `SASL_SSL://127.0.0.1:${sasl},SSL://127.0.0.1:${mutual},INSIDE://127.0.0.1:${inside}`;
  const { username, password } = KAFKA_USER;
  const plain = `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}=${JSON.stringify(password)};`;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return Object.entries({
    listeners: `${outside},CONTROLLER://${controller}`,
    'advertised.listeners': outside,
    'listener.security.protocol.map': 'SASL_SSL:SASL_SSL,SSL:SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INSIDE',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.sasl_ssl.plain.sasl.jaas.config': plain,
    'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': scram,
    'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': scram,
    'listener.name.ssl.ssl.client.auth': 'required',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.certificate.chain': oneLine(cert),
    'ssl.keystore.key': oneLine(key),
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.certificates': oneLine(ca),
  })
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** A value of a properties file goes on behind a backslash. */
function oneLine(pem: string): string {
  return pem.trim().split(/\r?\n/).join('\\n\\\n');
}

/** SCRAM's users are in the log of the controller, from its first record on. */
async function formatWithUsers(data: string, port: number): Promise<void> {
  rmSync(join(data, 'logs'), { recursive: true });
  const { command, args } = await kafka.command({ data, port, load: false });
  const main = args.indexOf('kafka.Kafka');
  const { username, password } = KAFKA_USER;
  const users = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => [
    '--add-scram',
    `${mechanism}=[name="${username}",password=${JSON.stringify(password)}]`,
  ]);
  const id = randomBytes(16).toString('base64url').replace(/^-/, 'A');
  await run(command, [
    ...args.slice(0, main).filter((arg) => arg.startsWith('-XX:Tiered') || arg === '-cp' || arg.includes('libs/*')),
    ...['kafka.tools.StorageTool', 'format', '-t', id, '-c', join(data, 'server.properties'), ...users],
  ]);
}

function reachable(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

export const REDIS_PASSWORD = 'r:1/@';
export const SENTINEL_PASSWORD = 's-1';
/** The name under which the Sentinel knows the master. */
export const MASTER = 'shop';

function redisArgs(usual: readonly string[], { ca, cert, key }: TlsFiles, port: number): string[] {
  const plain = usual.indexOf('--port');
  return [
    ...usual.toSpliced(plain, 2),
    ...['--port', '0', '--tls-port', String(port), '--tls-replication', 'yes', '--tls-auth-clients', 'optional'],
    ...['--tls-ca-cert-file', ca, '--tls-cert-file', cert, '--tls-key-file', key],
    ...['--requirepass', REDIS_PASSWORD, '--masterauth', REDIS_PASSWORD],
  ];
}

/** A Redis that talks by TLS only and asks for a password; a replica of `of`, where that is given. */
export function startSecuredRedis(own: OwnServers, files: TlsFiles, of?: OwnServer): Promise<OwnServer> {
  return own.start({
    name: of ? 'redis-replica' : 'redis',
    server: redis,
    args: (usual, _data, port) => [
      ...redisArgs(usual, files, port),
      ...(of ? ['--replicaof', '127.0.0.1', String(of.port)] : []),
    ],
    probe: reachable,
  });
}

/** A Sentinel that makes the replica the master a second after the master is gone. */
export function startSentinel(own: OwnServers, { ca, cert, key }: TlsFiles, master: OwnServer): Promise<OwnServer> {
  const settings = (port: number, data: string) => `
port 0
tls-port ${port}
tls-replication yes
tls-auth-clients optional
tls-ca-cert-file ${ca}
tls-cert-file ${cert}
tls-key-file ${key}
bind 127.0.0.1
dir ${data}
requirepass ${SENTINEL_PASSWORD}
sentinel monitor ${MASTER} 127.0.0.1 ${master.port} 1
sentinel auth-pass ${MASTER} ${REDIS_PASSWORD}
sentinel down-after-milliseconds ${MASTER} 1000
sentinel failover-timeout ${MASTER} 5000
`;
  return own.start({
    name: 'sentinel',
    server: redis,
    prepared: (data, port) => writeFileSync(join(data, 'sentinel.conf'), settings(port, data)),
    // Before the settings stand the parts of the command itself, where the server was not installed.
    args: (usual, data) => [...usual.slice(0, usual.indexOf('--port')), join(data, 'sentinel.conf'), '--sentinel'],
    probe: reachable,
  });
}

export const REGISTRY_USER = { username: 'shop', password: 'g:1/@' };

/** A door by TLS that asks for user and password, in front of a registry that has neither. */
export async function startRegistryDoor(url: string, { cert, key }: Issued) {
  const { username, password } = REGISTRY_USER;
  const expected = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer({ cert, key }, async (request, response) => {
    if (request.headers.authorization !== expected) {
      response
        .writeHead(401, { 'content-type': 'application/json' })
        .end('{"error_code":401,"message":"Unauthorized"}');
      return;
    }
    const { method = 'GET', headers } = request;
    const body = await text(request);
    const answer = await fetch(new URL(request.url ?? '', url), {
      method,
      ...(body && { body, headers: { 'content-type': headers['content-type'] ?? 'application/json' } }),
    }).catch((error: unknown) => new Response(String(error), { status: 502 }));
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `https://127.0.0.1:${port}${new URL(url).pathname}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
