import type { Route } from './routes.ts';

/** The route of a request; `allow` if the path is known but the method is not; undefined for an unknown path. */
export type Match = { readonly route: Route } | { readonly allow: string } | undefined;

interface Node {
  readonly fixed: Map<string, Node>;
  /** The node for any other segment. */
  any?: Node;
  /** The routes ending here, by method. */
  readonly routes: Map<string, { readonly route: Route }>;
  /** Value of the Allow header for other methods. */
  allow?: { readonly allow: string };
}

/**
 * Finds routes by method and URL (path and query). A fixed segment takes precedence over `:id`. Segments are compared
 * as sent.
 */
export function createMatcher(routes: readonly Route[]): (method: string, url: string) => Match {
  const root: Node = newNode();
  for (const route of routes) add(root, route);

  return (method, url) => {
    const query = url.indexOf('?');
    const end = query === -1 ? url.length : query;
    // These characters are not part of a path; another reader of such a URL might read another path.
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
  // A route for GET answers HEAD too.
  if (route.method === 'GET') node.routes.set('HEAD', found);
  node.allow = { allow: [...node.routes.keys()].sort().join(', ') };
}
