/** Longest wait that is granted to a `Retry-After`, ms: a mistaken one must not stop the delivery for long. */
const MAX_WAIT_MS = 300_000;

/**
 * How long an answer asks to be left alone (RFC 9110 §10.2.3), ms, at most 5 min; undefined when it does not, or is
 * malformed. A date is compared with the answer's own `Date`, so that the two clocks need not agree.
 * @param now ms since 1970, where the answer has no `Date`
 */
export function retryAfterMs(headers: Pick<Headers, 'get'>, now: number): number | undefined {
  const wish = headers.get('retry-after')?.trim() ?? '';
  const ms = /^\d+$/.test(wish) ? Number(wish) * 1_000 : dateOf(wish) - (dateOf(headers.get('date')) || now);
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), MAX_WAIT_MS);
}

/** ms since 1970; NaN for what is no HTTP date, which begins with the day of the week. */
function dateOf(text: string | null): number {
  return text !== null && /^[A-Z]/i.test(text) ? Date.parse(text) : Number.NaN;
}
