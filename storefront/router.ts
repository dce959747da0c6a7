import { drawInto, type Page, sayProblem } from './page.ts';

/** One page: `#/orders/:id` */
export interface PageRoute {
  readonly pattern: RegExp;
  readonly page: Page;
  /** Only for signed-in users. */
  readonly user?: boolean;
}

export interface Router {
  /** Opens the page of the address, even if it is open already. */
  open(): void;
}

export interface RouterOptions {
  readonly routes: readonly PageRoute[];
  readonly outlet: HTMLElement;
  readonly mayOpen: (route: PageRoute) => boolean;
  /** The page for users who may not open the requested one. */
  readonly refuge: string;
  readonly opened: (path: string) => void;
  readonly missing: Page;
}

/** `#/basket` → `/basket` */
export function currentPath(): string {
  return location.hash.replace(/^#/, '') || '/';
}

/** The address for signing in and coming back. */
export function refugeFrom(path: string, refuge: string): string {
  return `${refuge}?${new URLSearchParams({ next: path }).toString()}`;
}

/** Shows the page named by the fragment, and focuses its heading when it changes. */
export function createRouter({ routes, outlet, mayOpen, refuge, opened, missing }: RouterOptions): Router {
  let leaving = new AbortController();
  let first = true;

  function open(): void {
    leaving.abort();
    leaving = new AbortController();
    const { signal } = leaving;
    const path = currentPath();
    const route = routes.find(({ pattern }) => pattern.test(path));
    if (route && !mayOpen(route)) {
      location.hash = refugeFrom(path, refuge);
      return;
    }
    const params = route?.pattern.exec(path)?.slice(1) ?? [];
    opened(path);
    const draw = drawInto(outlet, signal);
    const page = route?.page ?? missing;
    Promise.resolve(page({ params, signal, draw })).catch((error: unknown) => {
      if (!signal.aborted) sayProblem(error);
    });
    if (!first) focusHeading(outlet, signal);
    first = false;
  }

  addEventListener('hashchange', open);
  return { open };
}

/** Focuses the heading as soon as the page has drawn it. */
function focusHeading(outlet: HTMLElement, signal: AbortSignal): void {
  scrollTo(0, 0);
  const found = (): boolean => {
    const heading = outlet.querySelector('h1');
    heading?.focus();
    return heading !== null;
  };
  if (found()) return;
  const observer = new MutationObserver(() => {
    if (found()) observer.disconnect();
  });
  observer.observe(outlet, { childList: true, subtree: true });
  signal.addEventListener('abort', () => observer.disconnect(), { once: true });
}
