import { describes, type PassedOperation, sharedAnswers, sharedReadHeaders, wonSchema } from '@shop/chassis/api';
import { z } from 'zod';
import type { PopularProduct } from '../usecases/popular.ts';
import { popularQuery } from './schemas.ts';

const popularProduct = describes<PopularProduct>()(
  z
    .strictObject({
      rank: z.int().min(1).describe('place, from 1'),
      productId: z.int().describe('the product'),
      name: z.string().describe('as it was sold last'),
      price: wonSchema.describe('of one piece, as it was sold last, won'),
      quantitySold: z.int().min(1).describe('pieces of completed orders, less those of orders cancelled since'),
    })
    .meta({ id: 'PopularProduct', description: 'A place in the list of the best sold.' }),
);

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'listPopularProducts',
    method: 'GET',
    path: '/products/popular',
    access: 'public',
    class: 'browse',
    shared: true,
    tag: 'products',
    summary: 'The best sold products of the last days',
    description: 'An order counts within a second or two of its end.',
    query: popularQuery,
    headers: sharedReadHeaders.pick({ 'If-None-Match': true }),
    answers: sharedAnswers({
      description: 'The list, best first.',
      schema: z.strictObject({ items: z.array(popularProduct).describe('at most `limit` of them') }),
      headers: { Age: z.string().regex(/^\d+$/).describe('How old the list is, seconds.') },
    }),
  },
];
