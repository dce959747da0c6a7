import { render, type TemplateResult } from 'lit-html';
import { explain, words } from './i18n.ts';

/** Given to a page: its drawing function, the parts of its address, and a signal that aborts when it is left. */
export interface PageContext {
  readonly params: readonly string[];
  readonly signal: AbortSignal;
  /** Draws the page again; does nothing once it is left. */
  draw(content: TemplateResult): void;
}
export type Page = (context: PageContext) => void | Promise<void>;

const SAID_MS = 8_000;
let unsaid: ReturnType<typeof setTimeout> | undefined;

/** Shows a sentence at the bottom for a while, and has it read out. */
export function say(text: string): void {
  const element = document.getElementById('said');
  if (!element) return;
  element.textContent = text;
  clearTimeout(unsaid);
  unsaid = setTimeout(() => {
    element.textContent = '';
  }, SAID_MS);
}

/**
 * Shows that a request waits for the shop, and for how many seconds; null when it continues. The sentence is read out
 * once, the seconds are only shown.
 */
export function showWait(seconds: number | null): void {
  const element = document.getElementById('said');
  if (!element) return;
  let left = element.querySelector('[data-wait]');
  if (seconds === null) {
    if (left) say('');
    return;
  }
  if (!left) {
    say(`${words().busy} `);
    clearTimeout(unsaid);
    left = document.createElement('span');
    left.setAttribute('data-wait', '');
    left.setAttribute('aria-hidden', 'true');
    element.append(left);
  }
  left.textContent = words().waitingFor(seconds);
}

export function sayProblem(error: unknown): void {
  say(explain(error));
}

/** Runs the action of a click and shows its errors. */
export function attempt(work: () => Promise<void>): void {
  work().catch((error: unknown) => {
    if (!(error instanceof DOMException && error.name === 'AbortError')) sayProblem(error);
  });
}

/**
 * Calls `work` now and every `ms` while the page is open and visible. A failed call is repeated at the next turn.
 * @param failed called with the error, so that the page can say that what it shows is old
 */
export function everyMs(
  ms: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  failed: (error: unknown) => void,
): void {
  const turn = async () => {
    if (!document.hidden)
      await work().catch((error: unknown) => {
        if (!signal.aborted) failed(error);
      });
    if (!signal.aborted) timer = setTimeout(() => void turn(), ms);
  };
  let timer = setTimeout(() => void turn(), 0);
  signal.addEventListener('abort', () => clearTimeout(timer), { once: true });
}

export function drawInto(element: HTMLElement, signal: AbortSignal): PageContext['draw'] {
  return (content) => {
    if (signal.aborted) return;
    render(content, element);
    const heading = element.querySelector('h1')?.textContent;
    if (heading) document.title = `${heading} · ${words().title}`;
  };
}
