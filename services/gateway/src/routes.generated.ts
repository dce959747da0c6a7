// Generated from the services' OPERATIONS (src/http/operations.ts) by `npm run generate`. Do not edit.
import type { Route } from './routes.ts';

/** Every operation behind the gateway; other requests are not forwarded. */
export const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/products', service: 'catalog', access: 'public', class: 'browse', shared: true },
  { method: 'GET', path: '/products/:id', service: 'catalog', access: 'public', class: 'browse', shared: true },
  { method: 'POST', path: '/products', service: 'catalog', access: 'ops', class: 'finish' },
  { method: 'PATCH', path: '/products/:id', service: 'catalog', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/products/popular', service: 'ranking', access: 'public', class: 'browse', shared: true },
  { method: 'POST', path: '/orders', service: 'order', access: 'user', class: 'begin', waits: true },
  { method: 'GET', path: '/orders', service: 'order', access: 'user', class: 'finish' },
  { method: 'GET', path: '/orders/:id', service: 'order', access: 'user', class: 'finish', waits: true },
  { method: 'GET', path: '/orders/:id/events', service: 'order', access: 'user', class: 'finish', stream: true },
  { method: 'POST', path: '/orders/:id/cancel', service: 'order', access: 'user', class: 'finish', waits: true },
  { method: 'POST', path: '/coupons/issue', service: 'coupon', access: 'user', class: 'begin' },
  { method: 'GET', path: '/coupons/requests/:id', service: 'coupon', access: 'user', class: 'finish' },
  { method: 'GET', path: '/coupons', service: 'coupon', access: 'user', class: 'browse' },
  { method: 'GET', path: '/coupon-policies', service: 'coupon', access: 'public', class: 'browse', shared: true },
  { method: 'POST', path: '/coupon-policies', service: 'coupon', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/coupon-policies/:id/end', service: 'coupon', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/points/charge', service: 'payment', access: 'user', class: 'begin' },
  { method: 'GET', path: '/points', service: 'payment', access: 'user', class: 'browse' },
  { method: 'GET', path: '/points/history', service: 'payment', access: 'user', class: 'browse' },
  { method: 'GET', path: '/shipments/:id', service: 'shipping', access: 'user', class: 'browse' },
  { method: 'GET', path: '/ops/status', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/ops/audit', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/audit/:id', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'POST', path: '/ops/rush', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/rush/:id', service: 'ops', access: 'ops', class: 'finish' },
  { method: 'GET', path: '/ops/rush/:id/events', service: 'ops', access: 'ops', class: 'finish', stream: true },
];
