import { parse, type Rendered, renderJson, requireScope, sendRendered } from '@shop/chassis';
import type { Router } from 'express';
import type { Popular, PopularList } from '../usecases/popular.ts';
import type { RepairBoard } from '../usecases/repair-board.ts';
import { popularQuery, reconcileQuery } from './schemas.ts';

export interface RankingRoutes {
  readonly popular: Popular;
  readonly repair: RepairBoard;
}

/** Ranking's HTTP routes: the list, and the repair for operators (the gateway does not expose `/internal`). */
export function rankingRoutes({ popular, repair }: RankingRoutes): (router: Router) => void {
  const bodies = createBodies();
  return (router) => {
    router.get('/products/popular', async (request, response) => {
      const { days, limit } = parse(popularQuery, request.query);
      const list = await popular(days);
      const age = Math.max(0, Math.floor((performance.now() - list.at) / 1_000));
      response.setHeader('Age', age);
      sendRendered(request, response, bodies(list, limit), 'public, max-age=1');
    });

    router.post('/internal/reconcile', async (request, response) => {
      requireScope(request, 'ops');
      const { execute } = parse(reconcileQuery, request.query);
      response.json(await repair({ execute: execute === 'true' }));
    });
  };
}

/** Renders a list as JSON. It is requested many times before the next list, so each length is rendered once. */
function createBodies(): (list: PopularList, limit: number) => Rendered {
  const rendered = new WeakMap<PopularList, Map<number, Rendered>>();
  return (list, limit) => {
    const ofList = rendered.get(list) ?? new Map<number, Rendered>();
    rendered.set(list, ofList);
    const body = ofList.get(limit) ?? renderJson({ items: list.items.slice(0, limit) });
    ofList.set(limit, body);
    return body;
  };
}
