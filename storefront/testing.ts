import { jest } from '@jest/globals';

/** One request that the code under test has sent. */
export interface Sent {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Stands in for what a browser gives its pages, since these tests run without one. Texts are in English. */
export function standInForBrowser(): void {
  const events = new EventTarget();
  const given = {
    localStorage: storage(),
    sessionStorage: storage(),
    location: { hash: '' },
    document: { hidden: false, getElementById: () => null },
    addEventListener: events.addEventListener.bind(events),
    dispatchEvent: events.dispatchEvent.bind(events),
  };
  for (const [name, value] of Object.entries(given))
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  localStorage.setItem('shop.language', 'en');
}

function storage(): Pick<Storage, 'getItem' | 'setItem' | 'removeItem'> {
  const kept = new Map<string, string>();
  return {
    getItem: (name) => kept.get(name) ?? null,
    setItem: (name, value) => void kept.set(name, value),
    removeItem: (name) => void kept.delete(name),
  };
}

/**
 * Answers every request by `answer`; where it throws, the answer is lost.
 * @returns the requests, as they come
 */
export function answerWith(answer: (sent: Sent, count: number) => Response | Promise<Response>): Sent[] {
  const all: Sent[] = [];
  globalThis.fetch = async (path, init = {}) => {
    init.signal?.throwIfAborted();
    const body: unknown = typeof init.body === 'string' ? JSON.parse(init.body) : undefined;
    const sent = { method: init.method ?? 'GET', path: String(path), headers: new Headers(init.headers), body };
    all.push(sent);
    return answer(sent, all.length);
  };
  return all;
}

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers });
}

/** Lets `ms` pass on the clock of the test, with all that happens meanwhile. */
export function pass(ms: number): Promise<void> {
  return jest.advanceTimersByTimeAsync(ms);
}
