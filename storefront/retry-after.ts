/** Random addition, so that clients told the same second do not return at the same moment, ms. */
const SPREAD_MS = 1_000;

/** Seconds until a refused request is worth repeating, at least 1. Retry-After is a number of seconds, or a date. */
export function retryAfterS(headers: Headers): number {
  const told = headers.get('retry-after') ?? '';
  const server = Date.parse(headers.get('date') ?? '');
  const now = Number.isNaN(server) ? Date.now() : server;
  const seconds = /^\d+$/.test(told) ? Number(told) : (Date.parse(told) - now) / 1_000;
  return Number.isNaN(seconds) ? 1 : Math.max(1, seconds);
}

/** How long to wait, ms, when so many seconds were told. */
export function spread(seconds: number): number {
  return seconds * 1_000 + Math.random() * SPREAD_MS;
}
