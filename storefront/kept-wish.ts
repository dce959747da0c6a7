/** A request with one effect, and its Idempotency-Key. */
export interface Wish<B> {
  readonly key: string;
  readonly body: B;
  /**
   * The outcome is known: the same wish again is a new one.
   * @returns false when another wish has taken its place, or another tab has ended it
   */
  ended(): boolean;
}

interface Kept<B> {
  readonly key: string;
  readonly body: B;
  /** When it was first wished, ms since the epoch. */
  readonly at: number;
}

/** The shop remembers a key for so long, ms: after that the key proves nothing, and the body is out of date. */
const MAX_AGE_MS = 48 * 3_600_000;

/**
 * The open wish of this name if it is the same; otherwise a new one in its place. Like the basket that is ordered, it
 * outlives the tab, and all tabs share it.
 * @param essence the part of the body that identifies the wish; default the whole body
 */
export function wishFor<B>(name: string, body: B, essence: (body: B) => unknown = (it) => it): Wish<B> {
  const item = `shop.wish.${name}`;
  const read = () => JSON.parse(localStorage.getItem(item) ?? 'null') as Kept<B> | null;
  const kept = read();
  const isSame =
    kept && Date.now() - kept.at < MAX_AGE_MS && JSON.stringify(essence(kept.body)) === JSON.stringify(essence(body));
  const wish: Kept<B> = isSame ? kept : { key: crypto.randomUUID(), body, at: Date.now() };
  localStorage.setItem(item, JSON.stringify(wish));
  return {
    key: wish.key,
    body: wish.body,
    ended() {
      const isOpen = read()?.key === wish.key;
      if (isOpen) localStorage.removeItem(item);
      return isOpen;
    },
  };
}
