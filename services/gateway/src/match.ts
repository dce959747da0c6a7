import type { Route } from './routes.ts';

/** The route of a request; `allow` where the path is known and the method is not; undefined for an unknown path. */
export type Match = { readonly route: Route } | { readonly allow: string } | undefined;

interface Node {
  readonly fixed: Map<string, Node>;
  /** Where any other segment leads. */
  any?: Node;
  /** The routes that end here, by method. */
  readonly routes: Map<string, { readonly route: Route }>;
  /** Value of the Allow header for other methods. */
  allow?: { readonly allow: string };
}

/**
 * Finds routes by method and URL (path and query). A fixed segment goes before `:id`; segments are compared as they are
 * sent.
 */
export function createMatcher(routes: readonly Route[]): (method: string, url: string) => Match {
  const root: Node = newNode();
  for (const route of routes) add(root, route);

  return (method, url) => {
    const query = url.indexOf('?');
    const end = query === -1 ? url.length : query;
    // Neither is part of a path; what reads such a URL may read another path than this.
    if (url.charCodeAt(0) !== SLASH || url.includes('#') || url.includes('\\')) return undefined;
    let node: Node | undefined = root;
    for (let from = 1; from <= end && node; ) {
      const slash = url.indexOf('/', from);
      const to = slash === -1 || slash > end ? end : slash;
      node = node.fixed.get(url.slice(from, to)) ?? (to > from ? node.any : undefined);
      from = to + 1;
    }
    return node?.routes.get(method) ?? node?.allow;
  };
}

const SLASH = 47;

function newNode(): Node {
  return { fixed: new Map(), routes: new Map() };
}

function add(root: Node, route: Route): void {
  let node = root;
  for (const segment of route.path.slice(1).split('/')) {
    if (segment.startsWith(':')) {
      node.any ??= newNode();
      node = node.any;
    } else {
      const next = node.fixed.get(segment) ?? newNode();
      node.fixed.set(segment, next);
      node = next;
    }
  }
  if (node.routes.has(route.method)) throw new Error(`two routes for ${route.method} ${route.path}`);
  const found = { route };
  node.routes.set(route.method, found);
  // Whoever answers GET answers HEAD too.
  if (route.method === 'GET') node.routes.set('HEAD', found);
  node.allow = { allow: [...node.routes.keys()].sort().join(', ') };
}
