import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { databaseTarget } from '@shop/chassis';
import { createAuthority } from '@shop/chassis/testing';
import { databaseUrl, type StackLayout, serviceEnv, stackEnv } from '../../deploy/local/addresses.ts';
import { provision } from '../../deploy/local/provision.ts';
import { migrate, type ServiceProcess, type Stack, startService } from '../../deploy/local/stack.ts';
import { type ServiceName, serviceRow } from '../../deploy/local/topology.ts';
import { type Issuer, startIssuer } from '../../services/gateway/src/auth/testing.ts';
import { SERVICE_NAMES, schemaOf } from '../../services/services.ts';
import { Api, expectStatus, type OrderBody } from '../support/api.ts';
import { startOps } from '../support/ops.ts';
import { type OwnServer, type OwnServers, ownServers } from '../support/own-servers.ts';
import {
  KAFKA_USER,
  MASTER,
  REDIS_PASSWORD,
  REGISTRY_USER,
  SENTINEL_PASSWORD,
  startRegistryDoor,
  startSecuredKafka,
  startSecuredMysql,
  startSecuredRedis,
  startSentinel,
  strangers,
  type TlsFiles,
  tlsFiles,
} from '../support/secured-servers.ts';
import { emptyDataPlatform, testStack } from '../support/stack.ts';

/** The shop's user, who is somebody else at the issuer. */
const USER = 7;
const CLAIM = 'https://shop.example/user';

const authority = createAuthority();
const servers = authority.issue({ names: ['127.0.0.1'] });
const processes = new Map<ServiceName, ServiceProcess>();
let own: OwnServers;
let files: TlsFiles;
let door: Awaited<ReturnType<typeof startRegistryDoor>>;
let issuer: Issuer;
let stack: Stack;
let secrets: Record<string, string>;
let redis: OwnServer;

beforeAll(async () => {
  own = ownServers();
  files = tlsFiles(own, 'servers', authority, servers);
  issuer = await startIssuer();
  const usual = testStack();
  emptyDataPlatform(usual);
  door = await startRegistryDoor(usual.env.SCHEMA_REGISTRY_URL ?? '', servers);
  const [mysql, kafka] = await Promise.all([
    startSecuredMysql(own, files, authority),
    startSecuredKafka(own, authority, servers),
  ]);
  redis = await startSecuredRedis(own, files);
  const sentinel = await startSentinel(own, files, redis);
  const layout: StackLayout = {
    ...usual.layout,
    existing: {
      mysql: { host: '127.0.0.1', port: mysql.port, password: '' },
      kafka: kafka.sasl,
      registry: door.url,
      redis: `rediss://:${encodeURIComponent(REDIS_PASSWORD)}@127.0.0.1:${redis.port}`,
    },
  };
  secrets = {
    DATABASE_TLS_CA_FILE: files.ca,
    KAFKA_TLS_CA_FILE: files.ca,
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME: KAFKA_USER.username,
    KAFKA_SASL_PASSWORD_FILE: own.file('kafka-password', `${KAFKA_USER.password}\n`),
    SCHEMA_REGISTRY_TLS_CA_FILE: files.ca,
    SCHEMA_REGISTRY_USERNAME: REGISTRY_USER.username,
    SCHEMA_REGISTRY_PASSWORD_FILE: own.file('registry-password', REGISTRY_USER.password),
    REDIS_TLS_CA_FILE: files.ca,
    REDIS_SENTINELS: `127.0.0.1:${sentinel.port}`,
    REDIS_SENTINEL_MASTER: MASTER,
    REDIS_SENTINEL_PASSWORD_FILE: own.file('sentinel-password', SENTINEL_PASSWORD),
  };
  stack = { ...usual, layout, env: { ...stackEnv(layout), ...secrets } };
  const address = { host: '127.0.0.1', port: mysql.port, password: '' };
  const { ssl = {} } = databaseTarget(`mysql://root@127.0.0.1:${mysql.port}/`, { tls: { ca: authority.ca } });
  await provision({ ...address, ssl });
  process.env.DATABASE_TLS_CA_FILE = files.ca;
  await migrate(stack).finally(() => delete process.env.DATABASE_TLS_CA_FILE);
  await Promise.all([...SERVICE_NAMES, 'data-platform' as const, 'ops-console' as const].map(start));
  await start('gateway');
}, 300_000);

afterAll(async () => {
  await processes.get('gateway')?.stop();
  await Promise.all([...processes.values()].map((process) => process.stop()));
  await Promise.all([own.stop(), door.close(), issuer.close()]);
}, 60_000);

/** Starts a service as in production: with every secret in a file. */
async function start(service: ServiceName): Promise<void> {
  const { schema } = serviceRow(service);
  const process = await startService(stack, {
    service,
    env: {
      ...secrets,
      NODE_ENV: 'production',
      ...inFile('INTERNAL_KEYS', serviceEnv(stack.layout, serviceRow(service), 1).INTERNAL_KEYS),
      ...(schema && inFile('DATABASE_URL', databaseUrl(stack.layout, schema, schema))),
      ...(service === 'gateway' && {
        ...{ JWKS_URL: issuer.url, JWT_ISSUER: 'them', JWT_AUDIENCE: 'shop', JWT_USER_CLAIM: CLAIM },
        ...{ DEMO_AUTH: '', DEMO_KEY_FILE: '' },
      }),
    },
  });
  processes.set(service, process);
  await process.ready().catch((error: unknown) => {
    throw new Error(`${service} is not ready:\n${process.output(30)}`, { cause: error });
  });

  function inFile(name: string, value: string | undefined): Record<string, string> {
    return value === undefined ? {} : { [name]: '', [`${name}_FILE`]: own.file(`${service}-${name}`, value) };
  }
}

async function signedIn(scope = ''): Promise<Api> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  const token = await issuer.sign({ sub: 'auth0|5f7c8ec7', [CLAIM]: USER, scope, iss: 'them', aud: 'shop', exp });
  return new Api(stack.env.GATEWAY_URL ?? '', () => ({ authorization: `Bearer ${token}` }));
}

describe('servers that all demand TLS and a login', () => {
  it('when the shop runs on them as in production, then an order with a coupon is COMPLETED', async () => {
    const operator = await signedIn('ops');
    const productId = await operator.newProduct(1_000, 10);
    const couponPolicyId = await operator.newPolicy({ discountAmount: 100 });
    const api = await signedIn();
    expectStatus(await api.charge(USER, 10_000), 200);
    const issued = await api.request<{ couponId: string }>('POST', '/coupons/issue', { body: { couponPolicyId } });
    const { couponId } = expectStatus(issued, 200).body;
    const answer = await api.placeOrder<OrderBody>(USER, [[productId, 2]], { couponId, wait: 30 });
    expect(expectStatus(answer, 201).body).toMatchObject({ status: 'COMPLETED' });
    // By Prisma, over the same connections.
    const list = await api.request<{ items?: unknown[]; orders?: unknown[] }>('GET', '/orders');
    expect(expectStatus(list, 200).text).toContain(answer.body.orderId);
    for (const [service, process] of processes) {
      const log = process.output(10_000);
      expect([service, /p-w:1|"r:1|g:1|BEGIN (PRIVATE|CERT)|REDIS_PASSWORD/.exec(log)?.[0]]).toEqual([
        service,
        undefined,
      ]);
    }
  }, 60_000);

  it('when an operator asks, then doctor has no fault of a connection, and the audit is clean', async () => {
    const doctor = await startOps(stack, ['doctor', '--json']).ended;
    const found = JSON.parse(doctor.stdout) as { what: string; wrong?: string }[];
    expect(found.filter(({ wrong }) => wrong !== undefined)).toEqual([]);
    const audit = await startOps(stack, ['audit']).ended;
    const findings = audit.stdout.split('\n').filter((line) => line !== '' && !/^(ok|none) /.test(line));
    expect([audit.code, findings]).toEqual([0, [expect.stringContaining('what was checked holds')]]);
  }, 240_000);

  it('when passwords and authorities are wrong, then doctor says of each server what is wrong with it', async () => {
    const wrong = {
      DATABASE_TLS_CA_FILE: own.file('strangers.pem', strangers.ca),
      KAFKA_SASL_PASSWORD_FILE: own.file('wrong', 'wrong'),
      SCHEMA_REGISTRY_PASSWORD_FILE: own.file('wrong-too', 'wrong'),
      REDIS_URL: `rediss://:wrong@127.0.0.1:${redis.port}`,
    };
    const { code, stdout } = await startOps({ ...stack, env: { ...stack.env, ...wrong } }, ['doctor']).ended;
    expect(code).toBe(3);
    for (const words of [
      /MySQL at 127\.0\.0\.1:\d+: its certificate is of an authority that is not known here: see DATABASE_TLS_CA/,
      /Kafka at 127\.0\.0\.1:\d+: it does not accept this user or password: see KAFKA_SASL_USERNAME/,
      /the schema registry at 127\.0\.0\.1:\d+: it does not accept this user or password/,
      /Redis at .*: it does not accept this user or password: see REDIS_URL/,
    ])
      expect(stdout).toMatch(words);
  }, 240_000);

  it('when the user of a service lacks a right, then doctor names it', async () => {
    const schema = schemaOf('payment');
    // May read everything, and write nothing.
    const env = { ...stack.env, PAYMENT_DATABASE_URL: databaseUrl(stack.layout, 'shop_audit', schema) };
    const { code, stdout } = await startOps({ ...stack, env }, ['doctor']).ended;
    expect(stdout).toMatch(/rights of payment +shop_audit lacks INSERT, UPDATE, DELETE/);
    expect(code).toBe(3);
  }, 240_000);
});
