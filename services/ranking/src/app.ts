import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import type { Express } from 'express';
import { type RankingRoutes, rankingRoutes } from './http/routes.ts';

/** The Express application of ranking. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & RankingRoutes): Express {
  return createHttpApp({ ...dependencies, problems: {}, routes: rankingRoutes(dependencies) });
}
