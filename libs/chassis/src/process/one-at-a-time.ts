/** Runs `work` once at a time (for each key): calls made while it is under way share its outcome. */
export function oneAtATime<T, K = void>(work: (key: K) => Promise<T>): (key: K) => Promise<T> {
  const underWay = new Map<K, Promise<T>>();
  return (key) => {
    const begun = underWay.get(key);
    if (begun) return begun;
    const outcome = work(key).finally(() => underWay.delete(key));
    underWay.set(key, outcome);
    return outcome;
  };
}
