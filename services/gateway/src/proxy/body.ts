import type { IncomingMessage } from 'node:http';

/**
 * Largest refused body that is still read, so that its sender gets the answer instead of a broken connection, bytes.
 */
const DISCARD_LIMIT = 8 * 1024 * 1024;

export type Body =
  | { readonly kind: 'whole'; readonly bytes: Buffer | null }
  | {
      readonly kind: 'too large' /** False when its rest is still on the way: close the connection. */;
      readonly discarded: boolean;
    }
  | { readonly kind: 'aborted' };

/**
 * Reads a request's whole body before the request is forwarded. Only then is it known to be small enough, and it can be
 * sent again when an instance turns out to be away.
 */
export function readBody(request: IncomingMessage, limit: number, done: (body: Body) => void): void {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (encoding === undefined && (length === undefined || length === '0')) {
    done({ kind: 'whole', bytes: null });
    return;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  let settled = false;
  const settle = (body: Body): void => {
    if (settled) return;
    settled = true;
    done(body);
  };
  if (Number(length) > DISCARD_LIMIT) {
    settle({ kind: 'too large', discarded: false });
    return;
  }
  request.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > DISCARD_LIMIT) {
      request.pause();
      settle({ kind: 'too large', discarded: false });
    }
  });
  request.on('end', () => {
    if (size > limit) settle({ kind: 'too large', discarded: true });
    else settle({ kind: 'whole', bytes: chunks.length === 1 ? (chunks[0] ?? null) : Buffer.concat(chunks) });
  });
  request.on('error', () => settle({ kind: 'aborted' }));
  request.on('close', () => settle({ kind: 'aborted' }));
}
