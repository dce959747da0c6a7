import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createRedis, type RedisServer } from '@shop/chassis';
import { createAuthority } from '@shop/chassis/testing';
import { redis as redisServer } from '../../deploy/local/parts/redis.ts';
import { freePort } from '../../deploy/local/ports.ts';
import { eventually } from '../support/eventually.ts';
import { type OwnServer, type OwnServers, ownServers } from '../support/own-servers.ts';
import {
  MASTER,
  REDIS_PASSWORD,
  SENTINEL_PASSWORD,
  startSecuredRedis,
  startSentinel,
  strangers,
  type TlsFiles,
  tlsFiles,
} from '../support/secured-servers.ts';

const authority = createAuthority();
const tls = { ca: authority.ca };
let own: OwnServers;
let files: TlsFiles;
let master: OwnServer;

beforeAll(async () => {
  own = ownServers();
  files = tlsFiles(own, 'redis', authority, authority.issue({ names: ['127.0.0.1'] }));
  master = await startSecuredRedis(own, files);
}, 60_000);

afterAll(() => own.stop());

const url = (password = REDIS_PASSWORD, host = '127.0.0.1') =>
  `rediss://:${encodeURIComponent(password)}@${host}:${master.port}`;

/** A client, and what it says. */
function client(server: string | RedisServer) {
  const said: { level: string; reason?: string; message: string }[] = [];
  const say = (level: string) => (fields: { reason?: string } | string, message?: string) =>
    said.push(typeof fields === 'string' ? { level, message: fields } : { level, ...fields, message: message ?? '' });
  const logger = { info: say('info'), warn: say('warn'), fatal: say('fatal') };
  return { redis: createRedis(server, logger as never), said };
}

const untilReady = (redis: ReturnType<typeof createRedis>) =>
  eventually('the client to be ready', async () => (redis.status === 'ready' ? true : undefined));

describe('a Redis that demands TLS and a password', () => {
  it('when authority and password are right, then commands are answered', async () => {
    const { redis } = client({ url: url(), tls });
    await untilReady(redis);
    expect(await redis.set('a', '1')).toBe('OK');
    redis.disconnect();
  });

  it.each<[string, () => RedisServer, string]>([
    [
      'the password is wrong',
      () => ({ url: url('x'), tls }),
      'it does not accept this user or password: see REDIS_URL',
    ],
    [
      'its authority is not known',
      () => ({ url: url(), tls: { ca: strangers.ca } }),
      'its certificate is of an authority that is not known here: see REDIS_TLS_CA',
    ],
    [
      'its certificate is of another name',
      () => ({ url: url(REDIS_PASSWORD, 'localhost'), tls }),
      'its certificate is for another name',
    ],
  ])('when %s, then the log names the server and what is wrong', async (_what, server, words) => {
    const { redis, said } = client(server());
    const { reason } = await eventually('a reason', async () => said.find(({ reason }) => reason));
    expect(reason).toMatch(new RegExp(`^Redis at (127\\.0\\.0\\.1|localhost):${master.port}: ${words}`));
    redis.disconnect();
  });
});

describe('a Redis behind Sentinels', () => {
  it('when the master dies, then the client goes on at the replica that became the master', async () => {
    const replica = await startSecuredRedis(own, files, master);
    const sentinel = await startSentinel(own, files, master);
    const { redis, said } = client({
      url: url(),
      tls,
      sentinel: { addresses: [`127.0.0.1:${sentinel.port}`], master: MASTER, password: SENTINEL_PASSWORD },
    });
    await untilReady(redis);
    await redis.set('before', '1');
    // A Sentinel promotes only a replica that it knows of and that is in touch with the master.
    await eventually('the replica to have it', async () => ((await redis.wait(1, 100)) >= 1 ? true : undefined));
    const watch = client({ url: `rediss://:${SENTINEL_PASSWORD}@127.0.0.1:${sentinel.port}`, tls });
    await untilReady(watch.redis);
    await eventually('the Sentinel to know the replica', async () => {
      const known = (await watch.redis.call('SENTINEL', 'replicas', MASTER)) as unknown[];
      return known.length > 0 ? true : undefined;
    });
    watch.redis.disconnect();
    await master.kill9();
    await eventually('a write at the new master', async () => (await redis.set('after', '1')) === 'OK', {
      withinMs: 60_000,
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}; the Sentinel says:\n${sentinel.output()}`);
    });
    expect(await redis.get('before')).toBe('1');
    expect(redis.stream.remotePort).toBe(replica.port);
    // Nothing is wrong with address, password or certificate: a reason would mislead an operator.
    const lines = said.map(({ message, reason }) => (reason ? `${message}: ${reason}` : message));
    expect(lines).toEqual(['redis is away', 'redis is back']);
    redis.disconnect();
  }, 120_000);

  it('when a server becomes a replica while the client is connected, then the client connects anew', async () => {
    const former = await own.start({
      ...{ name: 'redis-former', server: redisServer, args: (usual) => usual },
      probe: (port) => redisServer.probe({ port, data: '', load: false }),
    });
    const { redis } = client(`redis://127.0.0.1:${former.port}`);
    await untilReady(redis);
    await redis.call('REPLICAOF', '127.0.0.1', '1');
    const closed = new Promise<void>((resolve) => redis.once('close', () => resolve()));
    await expect(redis.set('a', '1')).rejects.toThrow(/READONLY/);
    await closed;
    await untilReady(redis);
    redis.disconnect();
  });
});

it('when the server is of a Cluster, then the client refuses it in words, and stays away', async () => {
  // Its own choice, 10,000 above the other port, may be taken or none.
  const bus = await freePort();
  const node = await own.start({
    ...{ name: 'redis-cluster', server: redisServer },
    args: (usual) => [...usual, '--cluster-enabled', 'yes', '--cluster-port', String(bus)],
    probe: (port) => redisServer.probe({ port, data: '', load: false }),
  });
  const { redis, said } = client(`redis://127.0.0.1:${node.port}`);
  await eventually('the refusal', async () => said.find(({ level }) => level === 'fatal'));
  expect(said.at(-1)?.message).toContain('leads to a Redis Cluster');
  await eventually('the end of the client', async () => (redis.status === 'end' ? true : undefined));
});
