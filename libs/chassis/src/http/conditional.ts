import { hash } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';

/** The body of an answer, ready to be sent any number of times. */
export interface Rendered {
  readonly body: Buffer;
  /** A strong ETag: equal for equal bytes, on every instance. */
  readonly etag: string;
}

/** `value` as JSON. */
export function renderJson(value: unknown): Rendered {
  const body = Buffer.from(JSON.stringify(value));
  return { body, etag: `"${hash('sha256', body, 'base64url').slice(0, 22)}"` };
}

/**
 * Whether the client already has this answer (RFC 9110 §13.1.2): `If-None-Match` is `*` or names its ETag. Tags are
 * compared weakly, as that section requires for reads.
 */
export function isUnchanged({ 'if-none-match': given }: IncomingHttpHeaders, etag: string | undefined): boolean {
  if (given === undefined || etag === undefined) return false;
  if (given === etag) return true;
  return given.split(',').some((tag) => {
    const trimmed = tag.trim();
    return trimmed === '*' || trimmed === etag || (trimmed.startsWith('W/') && trimmed.slice(2) === etag);
  });
}

/** Whether the client wants the present state instead of a copy: `Cache-Control: no-cache` (RFC 9111 §5.2.1.4). */
export function wantsNow({ 'cache-control': given }: IncomingHttpHeaders): boolean {
  return given !== undefined && /(^|,)\s*no-cache\s*(,|$)/i.test(given);
}

/** Answers with `rendered`, or with 304 when the client has it already. */
export function sendRendered(
  request: IncomingMessage,
  response: ServerResponse,
  { body, etag }: Rendered,
  cacheControl: string,
): void {
  const headers = { ETag: etag, 'Cache-Control': cacheControl };
  if (isUnchanged(request.headers, etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const content = { 'Content-Type': 'application/json; charset=utf-8', 'Content-Length': body.length };
  response.writeHead(200, { ...content, ...headers }).end(body);
}
