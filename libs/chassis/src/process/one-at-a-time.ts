/**
 * While `work` is under way, whoever asks for it gets the same outcome: however many ask, it is done once at a time, or
 * once for each key.
 */
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
