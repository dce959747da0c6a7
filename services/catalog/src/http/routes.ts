import { idempotencyKeyFrom, pageQuery, parse, requestHash, requireScope, sendRendered, wantsNow } from '@shop/chassis';
import type { Request, Response, Router } from 'express';
import { v7 as uuidv7 } from 'uuid';
import {
  type Changed,
  type ChangeRequest,
  createScope,
  OPERATORS,
  type ProductChanges,
  productNotFound,
  updateScope,
} from '../usecases/change-products.ts';
import { newProductBody, productParams, productPatchBody, productQuery } from './schemas.ts';
import type { ShownProducts } from './shown-products.ts';

export interface ProductRoutes {
  readonly shown: ShownProducts;
  readonly changes: ProductChanges;
}

/** A cache must check each time whether its answer is still current: a 304 costs little. */
const CACHE_CONTROL = 'public, no-cache';

/** The catalog's HTTP routes: everyone reads products, operators change them. */
export function productRoutes({ shown, changes }: ProductRoutes): (router: Router) => void {
  return (router) => {
    router.get('/products', async (request, response) => {
      const { cursor, limit } = parse(pageQuery, request.query);
      const page = await shown.list({ after: cursor, limit }, { fresh: wantsNow(request.headers) });
      sendRendered(request, response, page, CACHE_CONTROL);
    });

    router.get('/products/:id', async (request, response) => {
      parse(productQuery, request.query);
      const { id } = parse(productParams, request.params);
      const product = await shown.find(id, { fresh: wantsNow(request.headers) });
      if (!product) throw productNotFound(id);
      sendRendered(request, response, product, CACHE_CONTROL);
    });

    router.post('/products', async (request, response) => {
      requireScope(request, 'ops');
      const body = parse(newProductBody, request.body);
      const changed = await changes.create(changeRequest(request, createScope, body), body);
      response.status(201).setHeader('Location', `/products/${changed.product.productId}`);
      answer(response, changed);
    });

    router.patch('/products/:id', async (request, response) => {
      requireScope(request, 'ops');
      const { id } = parse(productParams, request.params);
      const patch = parse(productPatchBody, request.body);
      answer(response, await changes.update(changeRequest(request, updateScope(id), patch), id, patch));
    });
  };
}

function changeRequest(request: Request, scope: string, body: unknown): ChangeRequest {
  const requestId = uuidv7();
  const key = idempotencyKeyFrom(request);
  if (key === undefined) return { requestId };
  return { requestId, claim: { userId: OPERATORS, scope, key, requestHash: requestHash(body), requestId } };
}

function answer(response: Response, { product, replayed }: Changed): void {
  if (replayed) response.setHeader('Idempotency-Replayed', 'true');
  response.json(product);
}
