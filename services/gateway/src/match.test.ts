import { expect, it } from '@jest/globals';
import { createMatcher } from './match.ts';
import { ROUTES } from './routes.generated.ts';

const match = createMatcher(ROUTES);

function found(method: string, url: string): string | undefined {
  const result = match(method, url);
  if (!result) return undefined;
  return 'route' in result ? `${result.route.method} ${result.route.path}` : `allow ${result.allow}`;
}

it('when a URL belongs to a route, then it is found, whatever its parameters and query are', () => {
  for (const { method, path } of ROUTES) {
    const url = path.replaceAll(/:\w+/g, '%2F..');
    for (const query of ['', '?', '?a=/b', '?/orders/1/cancel']) {
      expect([url + query, found(method, url + query)]).toEqual([url + query, `${method} ${path}`]);
    }
  }
});

it.each([
  ['GET', '/products/popular', 'GET /products/popular'],
  ['GET', '/products/popularity', 'GET /products/:id'],
  ['HEAD', '/orders/1', 'GET /orders/:id'],
  ['PATCH', '/products/popular', 'allow GET, HEAD'],
  ['POST', '/orders/1', 'allow GET, HEAD'],
  ['get', '/orders', 'allow GET, HEAD, POST'],
  ['constructor', '/orders', 'allow GET, HEAD, POST'],
  ['OPTIONS', '/orders/1/cancel', 'allow POST'],
])('when %s %s is asked for, then it is %s', (method, url, expected) => {
  expect(found(method, url)).toBe(expected);
});

it.each([
  '',
  '/',
  '//',
  '/orders/',
  '/orders//cancel',
  '/orders/1/cancel/',
  '/orders/1/2',
  '/coupons/requests',
  '/coupons/requests/',
  '/Orders',
  '/orders#1',
  '/orders/1#/events',
  '/orders/1\\cancel',
  '/products/1#a',
  'orders',
  '*',
  'http://shop.example/orders',
])('when a URL belongs to no route (%p), then nothing is found', (url) => {
  expect(found('GET', url)).toBeUndefined();
});

it('when two routes are equal, then no matcher is created', () => {
  const [route] = ROUTES;
  if (!route) throw new Error('there are no routes');
  expect(() => createMatcher([route, route])).toThrow(`two routes for ${route.method} ${route.path}`);
});
