import { createHttpApp, type HttpAppOptions } from '@shop/chassis';
import { type ConsoleRoutes, consoleRoutes } from './routes.ts';

/** The console's HTTP application; it does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'> & ConsoleRoutes) {
  return createHttpApp({ ...dependencies, routes: consoleRoutes(dependencies) });
}
