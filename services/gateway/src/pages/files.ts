import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { RequestHandler } from 'express';

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  // Sent to browsers without its types.
  ts: 'text/javascript; charset=utf-8',
  json: 'application/json; charset=utf-8',
  png: 'image/png',
  svg: 'image/svg+xml; charset=utf-8',
};
const compress = promisify(gzip);

/**
 * Answers with a file, which is read at the first request and converted by `prepare`. Browsers keep it and revalidate
 * it.
 */
export function fileHandler(file: URL, prepare: (plain: Buffer) => Buffer = (plain) => plain): RequestHandler {
  const type = TYPES[file.pathname.split('.').at(-1) ?? ''];
  if (!type) throw new Error(`no content type is known for ${file.pathname}`);
  let kept: Promise<{ plain: Buffer; zipped: Buffer; etag: string }> | undefined;

  async function read() {
    const plain = prepare(readFileSync(file));
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`;
    return { plain, zipped: await compress(plain), etag };
  }

  return async (request, response) => {
    kept ??= read().catch((error: unknown) => {
      // The next request tries again.
      kept = undefined;
      throw error;
    });
    const { plain, zipped, etag } = await kept;
    response.vary('Accept-Encoding');
    response.set({ 'Content-Type': type, ETag: etag, 'Cache-Control': 'no-cache' });
    if (request.get('if-none-match') === etag) response.status(304).end();
    else if (request.acceptsEncodings('gzip')) response.set('Content-Encoding', 'gzip').end(zipped);
    else response.end(plain);
  };
}
