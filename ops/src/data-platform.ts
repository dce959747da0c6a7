/** Reads the events that the data platform has. The local sink can be asked; a real platform may have other ways. */
export interface PlatformReader {
  /**
   * Ids of the platform's events in the order of their arrival, from a position on (0 for all).
   * @throws when the platform cannot be asked
   */
  ids(from: number): Promise<{ readonly ids: string[]; readonly next: number }>;
  /** Whether the platform answers now. */
  isThere(): Promise<boolean>;
}

const PAGE = 20_000;
const PATIENCE_MS = 5_000;
/** Longest time for the whole list, ms: it grows while it is read. */
const ALL_MS = 600_000;

/** @param url events are posted to it; the stored events are read from below it */
export function openPlatform(url: string): PlatformReader {
  async function page(from: number, limit: number): Promise<{ ids: string[]; next: number }> {
    const answer = await fetch(`${url}/ids?from=${from}&limit=${limit}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`it answered ${answer.status}`);
    const body = (await answer.json()) as { ids?: unknown; next?: unknown };
    if (!Array.isArray(body.ids) || typeof body.next !== 'number') throw new Error('its answer is not a list of ids');
    return { ids: body.ids.map(String), next: body.next };
  }

  return {
    async ids(from) {
      const ids: string[] = [];
      let next = from;
      const began = performance.now();
      for (;;) {
        const some = await page(next, PAGE);
        for (const id of some.ids) ids.push(id);
        if (some.ids.length === 0) return { ids, next: some.next };
        if (some.next <= next) throw new Error(`its list does not go on after ${next}`);
        if (performance.now() - began > ALL_MS) throw new Error(`it has not listed all within ${ALL_MS / 60_000} min`);
        next = some.next;
      }
    },
    isThere: () =>
      page(0, 1).then(
        () => true,
        () => false,
      ),
  };
}
