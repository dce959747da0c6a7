import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { freePort, listeningInodes, portIsFree, takenPort, uncallablePort } from './ports.ts';

describe('ports', () => {
  it('when a port is taken, then it is told from a free one', async () => {
    const port = await freePort();
    expect(await portIsFree(port)).toBe(true);
    const server = createServer();
    await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
    expect(await portIsFree(port)).toBe(false);
    await new Promise((done) => server.close(done));
  });

  it('when a free port is asked for, then no outgoing connection can take it before the server listens', async () => {
    const given = await Promise.all(Array.from({ length: 20 }, freePort));
    const [first = 0] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/).map(Number);
    expect(given.filter((port) => port >= first)).toEqual([]);
  });

  it('when /proc/net/tcp is read, then only listening sockets are found, not connected ones', () => {
    const text = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:33FA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100 0 0 10 0',
      '   1: 0100007F:33FA 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100 0 0 10 0',
      '   2: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100 0 0 10 0',
    ].join('\n');
    expect(listeningInodes(text, 13306)).toEqual(['4711']);
  });

  it('when a port is taken, then the message names port, part, holder and remedy', () => {
    const text = takenPort('mysql', 13306, 'process 7 (mysqld)', 'MYSQL_HOST');
    for (const word of ['13306', 'mysql', 'process 7 (mysqld)', 'SHOP_PORT_OFFSET', 'MYSQL_HOST'])
      expect(text).toContain(word);
    expect(takenPort('order-1', 3001, undefined, undefined)).toContain('another process');
  });
});

it('when an instance would get a port that fetch refuses, then the message says so, before anything is started', async () => {
  // The gateway's tools and the tests would wait for such a service until they gave up.
  const [error] = await Promise.allSettled([fetch('http://127.0.0.1:5061')]);
  expect(error).toMatchObject({ status: 'rejected', reason: { cause: { message: 'bad port' } } });
  expect(uncallablePort('order-7', 5061)).toMatch(/^Port 5061, which order-7 needs, .*SHOP_PORT_OFFSET/);
  expect(uncallablePort('order-6', 5051)).toBeUndefined();
});
