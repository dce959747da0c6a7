import { createHttpApp, type HttpAppOptions } from '@shop/service';

/** The Express application of coupon. It does not listen. */
export function createApp(dependencies: Omit<HttpAppOptions, 'routes'>) {
  return createHttpApp({ ...dependencies, routes: () => undefined });
}
