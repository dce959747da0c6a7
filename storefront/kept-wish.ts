/** Something to be done once, and its Idempotency-Key. */
export interface Wish<B> {
  readonly key: string;
  readonly body: B;
  /** It is known whether it was done: the same once more is something new. */
  ended(): void;
}

/**
 * The wish of this name that is still open, where it is the same; else a new one in its place. It outlives the page.
 * @param essence what makes it the same; without it the whole body
 */
export function wishFor<B>(name: string, body: B, essence: (body: B) => unknown = (it) => it): Wish<B> {
  const item = `shop.wish.${name}`;
  const kept = JSON.parse(sessionStorage.getItem(item) ?? 'null') as Pick<Wish<B>, 'key' | 'body'> | null;
  const isSame = kept && JSON.stringify(essence(kept.body)) === JSON.stringify(essence(body));
  const wish = isSame ? kept : { key: crypto.randomUUID(), body };
  sessionStorage.setItem(item, JSON.stringify(wish));
  return { ...wish, ended: () => sessionStorage.removeItem(item) };
}
