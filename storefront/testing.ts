import { jest } from '@jest/globals';
import type { Page } from './page.ts';

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

/** A part of a page that listens: the name of its event, such as `click`, the markup before it, and the listener. */
export interface Listener {
  readonly event: string;
  readonly markup: string;
  readonly call: (event: unknown) => void;
}

/** The markup and the listeners of what a page has drawn, in their order. */
export interface Drawn {
  readonly markup: string;
  readonly listeners: readonly Listener[];
}

/** Reads what was drawn without a document. Lists with keys are read too. */
export function read(content: unknown): Drawn {
  let markup = '';
  const listeners: Listener[] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (isTemplate(value)) {
      value.strings.forEach((text, index) => {
        markup += text;
        const event = /@(\w+)=$/.exec(text)?.[1];
        const inner = value.values[index];
        if (event && typeof inner === 'function') {
          listeners.push({ event, markup, call: inner as Listener['call'] });
        } else visit(inner);
      });
    } else if (isKeyedList(value)) {
      const [items, , template] = value.values;
      visit(items.map(template));
    } else if (['string', 'number', 'boolean'].includes(typeof value)) markup += String(value);
  };
  visit(content);
  return { markup, listeners };
}

function isTemplate(value: unknown): value is { strings: readonly string[]; values: readonly unknown[] } {
  return typeof value === 'object' && value !== null && 'strings' in value;
}

function isKeyedList(value: unknown): value is { values: [readonly unknown[], unknown, (item: unknown) => unknown] } {
  return typeof value === 'object' && value !== null && '_$litDirective$' in value;
}

/** A page that is open, without a document: what it drew last. */
export function openPage(page: Page, ...params: string[]) {
  const leaving = new AbortController();
  let content: unknown = '';
  const draw = (next: unknown) => {
    if (!leaving.signal.aborted) content = next;
  };
  const ended = Promise.resolve(page({ params, signal: leaving.signal, draw }));
  return { ended, leave: () => leaving.abort(new DOMException('left', 'AbortError')), drawn: () => read(content) };
}
