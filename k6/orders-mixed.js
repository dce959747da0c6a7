// An ordinary day: for each order some who only look, at products, popular ones, their points and their orders.
import { check } from 'k6';
import { scenario } from 'k6/execution';
import { anyUser, get, handleSummary, post } from './lib.js';
import { number, steady } from './profiles.js';

export { handleSummary };
export const options = steady(__ENV, 'orders_mixed', {
  rate: 200,
  seconds: 60,
  thresholds: { 'http_req_duration{name:POST /orders}': ['p(95)<300'] },
});

const USERS = number(__ENV, 'USERS', 10000);
const PRODUCTS = number(__ENV, 'PRODUCTS', 100);
/** Shares in a hundred iterations; the rest read their own orders. */
const SHARES = { order: 20, products: 35, popular: 20, points: 15 };

export function setup() {
  return { run: Date.now().toString(36) };
}

export default function ({ run }) {
  let dice = Math.random() * 100;
  const falls = (share) => {
    dice -= share;
    return dice < 0;
  };
  if (falls(SHARES.order)) order(run);
  else if (falls(SHARES.products)) expectOk(get(`/products?limit=20`, 'GET /products'));
  else if (falls(SHARES.popular)) expectOk(get('/products/popular', 'GET /products/popular'));
  else if (falls(SHARES.points)) expectOk(get(`/points?userId=${anyUser(USERS)}`, 'GET /points'));
  else expectOk(get(`/orders?userId=${anyUser(USERS)}`, 'GET /orders'));
}

function order(run) {
  const lines = 1 + Math.floor(Math.random() * 3);
  const items = Array.from({ length: lines }, () => ({ productId: anyUser(PRODUCTS), quantity: 1 }));
  const key = `k6-${run}-${scenario.iterationInTest}`;
  const answer = post('/orders', { userId: anyUser(USERS), items }, 'POST /orders', { 'Idempotency-Key': key });
  check(answer, { 'the order is accepted (202)': ({ status }) => status === 202 });
}

function expectOk(answer) {
  check(answer, { 'status is 200': ({ status }) => status === 200 });
}
