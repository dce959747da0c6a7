import { parse, requireScope } from '@shop/chassis';
import type { Router } from 'express';
import type { ReconcileDoor } from '../usecases/reconcile-door.ts';
import { reconcileQuery } from './schemas.ts';

export interface OperatorRoutes {
  readonly reconcile: ReconcileDoor;
}

/** For operators' tools. The gateway does not route here. */
export function operatorRoutes({ reconcile }: OperatorRoutes): (router: Router) => void {
  return (router) => {
    router.post('/internal/reconcile', async (request, response) => {
      requireScope(request, 'ops');
      const { execute } = parse(reconcileQuery, request.query);
      response.json(await reconcile({ execute: execute === 'true' }));
    });
  };
}
