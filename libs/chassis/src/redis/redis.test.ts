import { once } from 'node:events';
import { type AddressInfo, createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Redis } from 'ioredis';
import type { RedisServer } from '../connections/index.ts';
import { createAuthority } from '../testing/certificates.ts';
import { eventually as within } from '../testing/eventually.ts';
import { createRedis, createWakeHints } from './redis.ts';

const sockets = new Set<Socket>();
const servers: Server[] = [];
const clients: Redis[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(servers.splice(0).map((server) => new Promise((done) => server.close(done))));
});

async function listen(server: Server, port = 0): Promise<number> {
  servers.push(server.listen(port, '127.0.0.1'));
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const eventually = <T>(probe: () => T) => within(probe, { timeoutMs: 20_000 });

/** A server that gives `answer` to every command; undefined: it takes connections and never answers. */
function answering(answer?: string): Server {
  return createTcpServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', (data) => {
      const commands = data.toString().match(/\*\d+\r\n\$/g) ?? [];
      if (answer !== undefined) socket.write(answer.repeat(commands.length));
    });
  });
}

function client(server: string | RedisServer) {
  const said: { message: string; reason?: string | undefined }[] = [];
  const say = (fields: { reason?: string } | string, message = '') =>
    said.push(typeof fields === 'string' ? { message: fields } : { message, reason: fields.reason });
  const redis = createRedis(server, { info: say, warn: say, fatal: say } as never);
  clients.push(redis);
  return { redis, said };
}

describe('Sentinels of which one takes connections and never answers', () => {
  it.each([['first'], ['last']])('when it is the %s, then the client asks the other', async (place) => {
    const mute = await listen(answering());
    const redisPort = await listen(answering('+OK\r\n'));
    const asked = `*2\r\n$9\r\n127.0.0.1\r\n$${String(redisPort).length}\r\n${redisPort}\r\n`;
    const well = await listen(answering(asked));
    const addresses = (place === 'first' ? [mute, well] : [well, mute]).map((port) => `127.0.0.1:${port}`);
    const { redis } = client({ url: 'redis://unused', sentinel: { addresses, master: 'shop' } });
    await eventually(() => (redis.status === 'ready' ? true : undefined));
    expect(redis.stream.remotePort).toBe(redisPort);
  });

  it('when a failover is told while it is asked, then the client asks again; told to end, it does not', async () => {
    const mute = await listen(answering());
    const sentinel = { addresses: [`127.0.0.1:${mute}`], master: 'shop' };
    const { redis } = client({ url: 'redis://unused', sentinel });
    const ends = () => new Promise<void>((done) => redis.once('end', done));
    const tellFailover = () => (redis as unknown as { connector: { disconnect(): void } }).connector.disconnect();
    for (let round = 0; round < 2; round++) {
      await eventually(() => (redis.status === 'connecting' ? true : undefined));
      tellFailover();
      await ends();
    }
    await new Promise<void>((done) => redis.once('connecting', done));
    redis.disconnect();
    await ends();
    await sleep(300);
    expect(redis.status).toBe('end');
  });

  it('when it is the only one, then the log says that Redis is away', async () => {
    const mute = await listen(answering());
    const { said } = client({
      url: 'redis://unused',
      sentinel: { addresses: [`127.0.0.1:${mute}`], master: 'shop' },
    });
    await eventually(() => said.find(({ message }) => message === 'redis is away'));
  });
});

it('when a server that was away comes back and refuses the password, then the log says so, once', async () => {
  const probe = answering();
  const port = await listen(probe);
  await new Promise((done) => probe.close(done));
  servers.splice(servers.indexOf(probe), 1);
  const { redis, said } = client(`redis://:old@127.0.0.1:${port}`);
  await eventually(() => (said.length > 0 ? true : undefined));
  await listen(answering('-WRONGPASS invalid username-password pair or user is disabled.\r\n'), port);
  const twice = new Promise<void>((resolve) => {
    let refusals = 0;
    redis.on('error', ({ message }: Error) => {
      if (message.includes('WRONGPASS') && ++refusals === 2) resolve();
    });
  });
  await twice;
  expect(said.map(({ reason }) => reason)).toEqual([
    undefined,
    `Redis at 127.0.0.1:${port}: it does not accept this user or password: see REDIS_URL`,
  ]);
});

it('when the environment has Node accept any certificate, then the client does not', async () => {
  const { cert, key } = createAuthority().issue({ names: ['127.0.0.1'] });
  const port = await listen(createTlsServer({ cert, key }, (socket) => sockets.add(socket)));
  const before = process.env.NODE_TLS_REJECT_UNAUTHORIZED;
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  try {
    const { said } = client(`rediss://:secret@127.0.0.1:${port}`);
    const { reason } = await eventually(() => said[0]);
    expect(reason).toContain('its certificate is of an authority that is not known here');
  } finally {
    if (before === undefined) delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    else process.env.NODE_TLS_REJECT_UNAUTHORIZED = before;
  }
});

it('when the client has ended for good, then so has the one that listens for hints', async () => {
  const { redis } = client(`redis://127.0.0.1:${await listen(answering('+OK\r\n'))}`);
  await eventually(() => (redis.status === 'ready' ? true : undefined));
  const hints = createWakeHints({ redis, channel: 'x' });
  await eventually(() => (sockets.size >= 2 ? true : undefined));
  const closed = Promise.all([...sockets].map((socket) => once(socket, 'close')));
  redis.disconnect();
  await closed;
  await eventually(() => !hints.listening);
});
