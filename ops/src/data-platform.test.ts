import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { openPlatform } from './data-platform.ts';

it('when a platform lists the same page again and again, then the reading ends and says so', async () => {
  const server = createServer((_, response) => response.end(JSON.stringify({ ids: ['a'], next: 1 })));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const platform = openPlatform(`http://127.0.0.1:${port}/events`);
    await expect(platform.ids(0)).rejects.toThrow('its list does not go on after 1');
  } finally {
    server.closeAllConnections();
    await once(server.close(), 'close');
  }
});
