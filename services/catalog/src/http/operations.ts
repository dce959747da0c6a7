import { pageQuery } from '@shop/chassis';
import {
  answerHeaders,
  describes,
  idempotencyHeaders,
  type PassedOperation,
  pageOf,
  sharedAnswers,
  sharedReadHeaders,
  wonSchema,
} from '@shop/chassis/api';
import { z } from 'zod';
import type { Product } from '../usecases/change-products.ts';
import { newProductBody, productParams, productPatchBody } from './schemas.ts';

const product = describes<Product>()(
  z
    .strictObject({
      productId: z.int().describe('the product'),
      name: z.string().describe('what users see'),
      price: wonSchema.describe('of one piece, won'),
      stockQuantity: z
        .int()
        .min(0)
        .describe(
          'pieces that could be ordered less than a second before the request; what orders have reserved is not among them',
        ),
      heldQuantity: z
        .int()
        .min(1)
        .optional()
        .describe(
          'pieces that orders hold and have not paid; left out where there are none. While there are some, it is not sold out: an order waits for them in line',
        ),
      onSale: z
        .literal(false)
        .optional()
        .describe(
          'false once the shop has withdrawn it: orders for it are refused (PRODUCT_WITHDRAWN); left out while it is on sale',
        ),
    })
    .meta({ id: 'Product', description: 'What can be ordered.' }),
);
const AGE =
  'Never older than a second when the request arrives, price and stock included; an order is checked against what is true then (`expectedTotal`). `Cache-Control: no-cache` gets what is true now, and a change through the API is seen at once by who made it.';
const problemMembers = z.object({ productId: z.int().optional().describe('the product that is missing') });

export const OPERATIONS: readonly PassedOperation[] = [
  {
    operationId: 'listProducts',
    method: 'GET',
    path: '/products',
    access: 'public',
    class: 'browse',
    shared: true,
    tag: 'products',
    summary: 'All products on sale, by their ids',
    description: AGE,
    query: pageQuery,
    headers: sharedReadHeaders,
    answers: sharedAnswers({ description: 'A page of products.', schema: pageOf(product) }),
  },
  {
    operationId: 'getProduct',
    method: 'GET',
    path: '/products/:id',
    access: 'public',
    class: 'browse',
    shared: true,
    tag: 'products',
    summary: 'One product',
    description: AGE,
    params: productParams,
    headers: sharedReadHeaders,
    answers: sharedAnswers({ description: 'The product.', schema: product }),
    problems: ['PRODUCT_NOT_FOUND'],
    problemMembers,
  },
  {
    operationId: 'createProduct',
    method: 'POST',
    path: '/products',
    access: 'ops',
    class: 'finish',
    tag: 'products',
    summary: 'Add a product',
    headers: idempotencyHeaders,
    body: { schema: newProductBody, examples: { chair: { name: 'Folding chair', price: 29_000, stockQuantity: 50 } } },
    answers: {
      201: {
        description: 'Created.',
        schema: product,
        leadsTo: { getProduct: 'productId', changeProduct: 'productId' },
        headers: { Location: answerHeaders.location, 'Idempotency-Replayed': answerHeaders.replayed },
      },
    },
    problems: ['IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_REUSED'],
  },
  {
    operationId: 'changeProduct',
    method: 'PATCH',
    path: '/products/:id',
    access: 'ops',
    class: 'finish',
    tag: 'products',
    summary: 'Rename, reprice or restock a product, take pieces back, withdraw it from sale',
    description:
      'Orders that have reserved their stock keep the price that they had then, and their pieces: `takeBack` takes only what is available. So do orders of a product that is withdrawn (`onSale: false`), while those that wait for it in line are refused at once, with PRODUCT_WITHDRAWN.',
    params: productParams,
    headers: idempotencyHeaders,
    body: {
      schema: productPatchBody,
      examples: {
        restock: { restock: 100 },
        reprice: { price: 9_900 },
        correct: { takeBack: 10 },
        withdraw: { onSale: false },
      },
    },
    answers: {
      200: {
        description: 'Changed.',
        schema: product,
        headers: { 'Idempotency-Replayed': answerHeaders.replayed },
      },
    },
    problems: ['PRODUCT_NOT_FOUND', 'NOT_ENOUGH_AVAILABLE', 'IDEMPOTENCY_IN_FLIGHT', 'IDEMPOTENCY_KEY_REUSED'],
    problemMembers,
  },
];
