/**
 * The Idempotency-Key of what is asked for, until it is known to have been done: who sends the same once more, because no
 * answer came or the page was loaded anew, repeats the request instead of making a second one.
 */
export function keyFor(purpose: string, body: unknown): string {
  const wanted = JSON.stringify(body);
  const kept = sessionStorage.getItem(nameOf(purpose));
  const [key, of] = kept ? (JSON.parse(kept) as readonly [string, string]) : [];
  if (key !== undefined && of === wanted) return key;
  const fresh = crypto.randomUUID();
  sessionStorage.setItem(nameOf(purpose), JSON.stringify([fresh, wanted]));
  return fresh;
}

/** It is done: the same once more is something new. */
export function keyUsed(purpose: string): void {
  sessionStorage.removeItem(nameOf(purpose));
}

function nameOf(purpose: string): string {
  return `shop.key.${purpose}`;
}
