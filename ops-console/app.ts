import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { PROBLEMS } from './problems.ts';
import { type ConsoleRoutes, consoleRoutes } from './routes.ts';

/** The console's HTTP application; it does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes' | 'problems'> & ConsoleRoutes) {
  return createHttpApp({ ...dependencies, problems: PROBLEMS, routes: consoleRoutes(dependencies) });
}
