/** A request with one effect, and its Idempotency-Key. */
export interface Wish<B> {
  readonly key: string;
  readonly body: B;
  /** The outcome is known: the same wish again is a new one. */
  ended(): void;
}

/**
 * The open wish of this name if it is the same; otherwise a new one in its place. It survives a reload.
 * @param essence the part of the body that identifies the wish; default the whole body
 */
export function wishFor<B>(name: string, body: B, essence: (body: B) => unknown = (it) => it): Wish<B> {
  const item = `shop.wish.${name}`;
  const kept = JSON.parse(sessionStorage.getItem(item) ?? 'null') as Pick<Wish<B>, 'key' | 'body'> | null;
  const isSame = kept && JSON.stringify(essence(kept.body)) === JSON.stringify(essence(body));
  const wish = isSame ? kept : { key: crypto.randomUUID(), body };
  sessionStorage.setItem(item, JSON.stringify(wish));
  return { ...wish, ended: () => sessionStorage.removeItem(item) };
}
