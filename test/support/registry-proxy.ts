import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A registry in front of the real one, which can behave as one that was made anew with other ids. */
export interface RegistryProxy {
  readonly url: string;
  /** `anew`: each id is another schema's from now on. `right`: as it was. */
  be(state: 'right' | 'anew'): void;
  close(): Promise<void>;
}

/** @param url the Confluent API of the real registry */
export async function startRegistryProxy(url: string): Promise<RegistryProxy> {
  const ids = new Set<number>();
  let state: 'right' | 'anew' = 'right';

  /** The id so many places further in the ring of all ids that were given. */
  function shifted(id: number, by: number): number {
    const ring = [...ids].sort((a, b) => a - b);
    const place = ring.indexOf(id);
    if (state === 'right' || place < 0) return id;
    return ring[(place + by + ring.length) % ring.length] ?? id;
  }

  async function answer({ method = 'GET', url: path = '', headers }: IncomingMessage, body: string) {
    const asked = path.replace(/(\/schemas\/ids\/)(\d+)/, (_, before, id) => `${before}${shifted(Number(id), 1)}`);
    const real = await fetch(new URL(asked, url), {
      method,
      ...(body && { body, headers: { 'content-type': headers['content-type'] ?? 'application/json' } }),
    });
    const content = await real.text();
    if (method !== 'POST' || !real.ok) return { status: real.status, content };
    const given = JSON.parse(content) as { id?: number };
    if (given.id === undefined) return { status: real.status, content };
    ids.add(given.id);
    return { status: real.status, content: JSON.stringify({ ...given, id: shifted(given.id, -1) }) };
  }

  const server = createServer(async (request, response) => {
    try {
      const { status, content } = await answer(request, await text(request));
      response.writeHead(status, { 'content-type': 'application/json' }).end(content);
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}${new URL(url).pathname}`,
    be(now) {
      state = now;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
