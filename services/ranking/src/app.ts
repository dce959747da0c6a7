import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type RankingRoutes, rankingRoutes } from './http/routes.ts';

/** The Express application of ranking. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'> & RankingRoutes) {
  return createHttpApp({ ...dependencies, routes: rankingRoutes(dependencies) });
}
