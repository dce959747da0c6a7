import { parse, requireScope } from '@shop/chassis';
import type { Router } from 'express';
import type { ReconcileDoor } from '../usecases/reconcile-door.ts';
import { reconcileQuery } from './schemas.ts';

export interface OperatorRoutes {
  readonly reconcile: ReconcileDoor;
}

/** Routes for operators' tools. The gateway does not expose them. */
export function operatorRoutes({ reconcile }: OperatorRoutes): (router: Router) => void {
  return (router) => {
    router.post('/internal/reconcile', async (request, response) => {
      requireScope(request, 'ops');
      const { execute } = parse(reconcileQuery, request.query);
      response.json(await reconcile({ execute: execute === 'true' }));
    });
  };
}
