import { request } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startGateway } from '../testing.ts';

let gateway: Awaited<ReturnType<typeof startGateway>>;

beforeAll(async () => {
  gateway = await startGateway([]);
});
afterAll(() => gateway.close());

it.each(['/docs', '/docs/', '/docs/events'])(
  'when a person opens %s, then it needs nothing but what is served here',
  async (path) => {
    const page = await fetch(gateway.url + path);
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'/);
    expect(policy).not.toMatch(/unsafe|http/);
    const html = await page.text();
    const wanted = [...html.matchAll(/(?:src|href)="([^"#][^"]*)"/g)].map(([, address]) => address ?? '');
    expect(wanted).toContain('/docs/pages.css');
    for (const address of wanted) {
      const part = await fetch(new URL(address, page.url));
      expect([address, part.status]).toEqual([address, 200]);
      await part.arrayBuffer();
    }
    expect(html).not.toMatch(/<script(?![^>]* src=)|<style| style=| on\w+=/);
  },
);

it('when programs ask for the documents, then they are there', async () => {
  expect(await (await fetch(`${gateway.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.0' });
  expect(await (await fetch(`${gateway.url}/docs/asyncapi.json`)).json()).toMatchObject({ asyncapi: '3.0.0' });
});

it('when a browser has a file already, then it is not sent again; clients that can unpack get it compressed', async () => {
  const first = await fetch(`${gateway.url}/docs/swagger-ui-bundle.js`);
  expect((await first.arrayBuffer()).byteLength).toBeGreaterThan(1_000_000);
  const etag = first.headers.get('etag') ?? '';
  const again = await fetch(first.url, { headers: { 'if-none-match': etag } });
  expect([again.status, again.headers.get('etag')]).toEqual([304, etag]);
  const bytes = (encoding: string) =>
    new Promise<number>((resolve, reject) => {
      const asked = request(first.url, { headers: { 'accept-encoding': encoding } }, (answer) => {
        let size = 0;
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        answer.on('end', () => resolve(size));
      });
      asked.on('error', reject).end();
    });
  expect(await bytes('gzip')).toBeLessThan((await bytes('identity')) / 2);
});

it('when a file does not belong to the pages, then it is not served', async () => {
  for (const path of [
    '/docs/docs.ts',
    '/docs/package.json',
    '/docs/..%2f..%2fpackage.json',
    '/docs/swagger-ui-bundle.js.map',
  ]) {
    expect([path, (await fetch(gateway.url + path)).status]).toEqual([path, 404]);
  }
});
