import { idempotencyKeyFrom, pageQuery, parse, requestHash, requireScope, sendRendered, wantsNow } from '@shop/chassis';
import type { Request, Response, Router } from 'express';
import { v7 as uuidv7 } from 'uuid';
import { type AddPolicy, CREATE_POLICY, OPERATORS, type PolicyRequest } from '../usecases/add-policy.ts';
import type { EndPolicy } from '../usecases/end-policy.ts';
import { withDiscount } from './discount.ts';
import { endPolicyBody, newPolicyBody, policyParams } from './schemas.ts';
import type { ShownPolicies } from './shown-policies.ts';
import { endView, policyView } from './views.ts';

export interface PolicyRoutes {
  readonly policies: ShownPolicies;
  readonly addPolicy: AddPolicy;
  readonly endPolicy: EndPolicy;
}

/** A cache must check each time whether its answer is still current: a 304 costs little. */
const CACHE_CONTROL = 'public, no-cache';

/** Coupon policies: created and ended by operators, read by everyone. */
export function policyRoutes({ policies, addPolicy, endPolicy }: PolicyRoutes): (router: Router) => void {
  return (router) => {
    router.post('/coupon-policies', async (request, response) => {
      requireScope(request, 'ops');
      const body = parse(newPolicyBody, request.body);
      const { policy, replayed } = await addPolicy(policyRequest(request, body), withDiscount(body));
      if (replayed) response.setHeader('Idempotency-Replayed', 'true');
      response.status(201).json(policyView(policy));
    });

    router.post('/coupon-policies/:id/end', async (request: Request<{ id: string }>, response: Response) => {
      requireScope(request, 'ops');
      const { id: couponPolicyId } = parse(policyParams, request.params);
      const { reason, revoke } = parse(endPolicyBody, request.body);
      response.json(endView(await endPolicy({ requestId: uuidv7(), couponPolicyId, reason, revoke })));
    });

    router.get('/coupon-policies', async (request, response) => {
      const { cursor, limit } = parse(pageQuery, request.query);
      const page = await policies.list({ after: cursor, limit }, { fresh: wantsNow(request.headers) });
      sendRendered(request, response, page, CACHE_CONTROL);
    });
  };
}

function policyRequest(request: Request, body: unknown): PolicyRequest {
  const requestId = uuidv7();
  const key = idempotencyKeyFrom(request);
  if (key === undefined) return { requestId };
  return {
    requestId,
    claim: { userId: OPERATORS, scope: CREATE_POLICY, key, requestHash: requestHash(body), requestId },
  };
}
