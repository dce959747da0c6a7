import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type RankingRoutes, rankingRoutes } from './http/routes.ts';

/** The Express application of ranking. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & RankingRoutes) {
  return createHttpApp({ ...dependencies, problems: {}, routes: rankingRoutes(dependencies) });
}
