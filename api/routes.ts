import type { PassedOperation } from '@shop/chassis/api';

/**
 * Renders services/gateway/src/routes.generated.ts: the gateway's table, from each service's description of its
 * operations.
 */
export function routesModule(byService: Readonly<Record<string, readonly PassedOperation[]>>): string {
  const rows = Object.entries(byService).flatMap(([service, operations]) =>
    operations.map((operation) => `  ${row(service, operation)},`),
  );
  return `// Generated from the services' OPERATIONS (src/http/operations.ts) by \`npm run generate\`. Do not edit.
import type { Route } from './routes.ts';

/** Every operation behind the gateway; other requests are not forwarded. */
export const ROUTES: readonly Route[] = [
${rows.join('\n')}
];
`;
}

function row(service: string, { method, path, access, class: of, ...flags }: PassedOperation): string {
  const words = { method, path, service, access, class: of };
  const fields = Object.entries(words).map(([name, value]) => `${name}: '${value}'`);
  const set = (['waits', 'stream', 'shared'] as const).filter((name) => flags[name]).map((name) => `${name}: true`);
  return `{ ${[...fields, ...set].join(', ')} }`;
}
