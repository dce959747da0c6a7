// A flash sale: everybody wants the same product, of which there are fewer than buyers; each waits for the end.
import { check } from 'k6';
import { scenario } from 'k6/execution';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { anyUser, codeOf, create, handleSummary, post } from './lib.js';
import { number, steady } from './profiles.js';

export { handleSummary };

const USERS = number(__ENV, 'USERS', 10000);
const STOCK = number(__ENV, 'STOCK', 1000);

export const options = steady(__ENV, 'hot_product', {
  rate: 100,
  seconds: 30,
  // The answer comes at the end of the saga, not at its acceptance.
  thresholds: { http_req_duration: ['p(95)<1000'], sold: [`count<=${STOCK}`] },
});

const sold = new Counter('sold');
const outOfStock = new Counter('out_of_stock');
http.setResponseCallback(http.expectedStatuses(201, 409));

export function setup() {
  const { productId } = create('/products', {
    name: `k6 hot product ${new Date().toISOString()}`,
    price: 1000,
    stockQuantity: STOCK,
  });
  return { productId, run: Date.now().toString(36) };
}

export default function ({ productId, run }) {
  const body = { userId: anyUser(USERS), items: [{ productId, quantity: 1 }] };
  const headers = { 'Idempotency-Key': `k6-hot-${run}-${scenario.iterationInTest}`, Prefer: 'wait=10' };
  const answer = post('/orders', body, 'POST /orders', headers);
  const isSold = answer.status === 201;
  const isOut = answer.status === 409 && codeOf(answer) === 'OUT_OF_STOCK';
  if (isSold) sold.add(1);
  if (isOut) outOfStock.add(1);
  check(answer, { 'sold (201) or out of stock (409)': () => isSold || isOut });
}
