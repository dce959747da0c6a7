// The five best sold of the last three days, asked for by everybody who opens the shop.
import { check } from 'k6';
import { get, handleSummary } from './lib.js';
import { steady } from './profiles.js';

export { handleSummary };
export const options = steady(__ENV, 'popular_products', { rate: 500, seconds: 30 });

export default function () {
  check(get('/products/popular?days=3&limit=5', 'GET /products/popular'), {
    'status is 200': ({ status }) => status === 200,
  });
}
