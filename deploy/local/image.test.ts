import { existsSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parseYaml } from '@redocly/openapi-core';
import { localEnvironment } from '../../ops/src/addresses.ts';
import { configSchema } from '../../ops-console/config.ts';
import { configSchema as catalog } from '../../services/catalog/src/config.ts';
import { configSchema as coupon } from '../../services/coupon/src/config.ts';
import { gatewayConfigSchema } from '../../services/gateway/src/config.ts';
import { configSchema as order } from '../../services/order/src/config.ts';
import { configSchema as payment } from '../../services/payment/src/config.ts';
import { configSchema as ranking } from '../../services/ranking/src/config.ts';
import { METRICS_PORT_ABOVE, SERVICE_NAMES, schemaOf } from '../../services/services.ts';
import { root } from './paths.ts';
import { allocator, heapFlags } from './service-process.ts';
import { allServices, entryPoint, servers, serversOnDemand } from './topology.ts';

interface Compose {
  readonly services: Readonly<
    Record<
      string,
      {
        readonly image: string;
        readonly build?: unknown;
        readonly command?: string | readonly string[];
        readonly environment?: Readonly<Record<string, unknown>>;
        readonly ports?: readonly string[];
        readonly profiles?: readonly string[];
      }
    >
  >;
}

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
const compose = parseYaml(readFileSync(join(root, 'docker-compose.yml'), 'utf8')) as Compose;
const services = Object.entries(compose.services);
/** The last stage: what the image holds. */
const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

/** Folders that the last stage copies. */
const copied = [...last.matchAll(/^COPY (?:--from=clients \/app\/)?(\S+) (\S+)$/gm)].map(([, , to]) => to as string);
const ignored = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n').filter(Boolean);

const isCopied = (file: string) =>
  copied.some((folder) => file.startsWith(`${folder}/`)) &&
  !/\.test\.ts$/.test(file) &&
  !ignored.some((folder) => file.startsWith(`${folder}/`));

/** Every file that a program imports, itself included, and every package; paths from the repository's root. */
function importsOf(program: string): { files: string[]; packages: string[] } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const todo = [program];
  for (let file = todo.pop(); file; file = todo.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const source = file.includes('/generated/') ? '' : readFileSync(join(root, file), 'utf8');
    for (const match of source.matchAll(/(?:^|\s)(?:from|import|import\()\s*'([^']+)'/g)) {
      const name = match[1] as string;
      const isType = new RegExp(`import type [^;]*from '${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}'`).test(source);
      // `${…}` stands in a text for browsers.
      if (isBuiltin(name) || isType || name.startsWith('$')) continue;
      if (name.startsWith('.')) todo.push(relative(root, resolve(root, dirname(file), name)));
      else if (name.startsWith('@shop/')) todo.push(libraryFile(name));
      else
        packages.add(
          name
            .split('/')
            .slice(0, name.startsWith('@') ? 2 : 1)
            .join('/'),
        );
    }
  }
  return { files: [...files], packages: [...packages] };
}

/** The file that a library's name, such as `@shop/chassis/prisma`, means. */
function libraryFile(name: string): string {
  const [, library = '', ...rest] = name.split('/');
  const { exports } = JSON.parse(readFileSync(join(root, `libs/${library}/package.json`), 'utf8')) as {
    exports: Record<string, string>;
  };
  return join(`libs/${library}`, exports[['.', ...rest].join('/')] as string);
}

const programs = [
  ...SERVICE_NAMES.map((name) => relative(root, entryPoint(name))),
  relative(root, entryPoint('gateway')),
  relative(root, entryPoint('ops-console')),
  'ops/main.ts',
  'libs/chassis/src/database/migrate.ts',
];

describe('the image', () => {
  it.each(programs)('when %s runs in it, then all that it imports is there', (program) => {
    const { files, packages } = importsOf(program);
    expect(files.filter((file) => !isCopied(file))).toEqual([]);
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { dev?: boolean; devOptional?: boolean; optional?: boolean }>;
    };
    const missing = packages.filter((name) => {
      const entry = lock.packages[`node_modules/${name}`];
      return !entry || entry.dev || entry.devOptional || entry.optional;
    });
    expect(missing).toEqual([]);
  });

  it('when packages are installed for it, then neither development nor optional ones', () => {
    expect(last).toContain('npm ci --ignore-scripts --omit=dev --omit=optional --omit=peer');
  });

  it('when it runs, then as a user with a number, with the limits of the local stack', () => {
    expect(last).toMatch(/^USER [1-9]\d*$/m);
    const [heap, ...flags] = heapFlags;
    expect(last).toContain(`node --max-old-space-size=$HEAP_MB ${flags.join(' ')} services/$SERVICE/src/main.ts`);
    expect(last).toContain(`HEAP_MB=${heap?.split('=')[1]}`);
    for (const [name, value] of Object.entries(allocator)) expect(last).toContain(`${name}=${value}`);
  });

  it('when a folder is copied into it, then it exists', () => {
    expect(
      copied.filter((folder) => !existsSync(join(root, folder)) || !statSync(join(root, folder)).isDirectory()),
    ).toEqual([]);
  });
});

describe('compose', () => {
  it('when images are built, then each tag once, and no other service asks a registry for it', () => {
    const built = services.filter(([, { build }]) => build).map(([, { image }]) => image);
    expect(built).toEqual([...new Set(built)]);
    expect(built).toEqual(['shop']);
  });

  it('when an image is fetched, then by an exact tag', () => {
    const fetched = services.map(([, { image }]) => image).filter((image) => image !== 'shop');
    expect(fetched.filter((image) => !/:v?\d+\.\d+\.\d+/.test(image))).toEqual([]);
  });

  const schemas: Record<string, { readonly shape: object }> = {
    ...{ order, catalog, payment, coupon, ranking },
    gateway: gatewayConfigSchema,
    'ops-console': configSchema,
  };
  it.each(Object.keys(schemas))('when %s gets a variable, then its configuration knows it', (name) => {
    // The console reads its addresses as the command line does.
    const addresses = name === 'ops-console' ? Object.keys(localEnvironment(0)) : [];
    const own = new Set([...Object.keys(schemas[name]?.shape ?? {}), ...addresses, 'SERVICE']);
    const given = Object.keys(compose.services[name]?.environment ?? {});
    expect(given.filter((variable) => !own.has(variable))).toEqual([]);
  });

  it('when a port is published, then it is the topology’s, on this machine only', () => {
    const rows = [...servers, ...serversOnDemand, ...allServices];
    for (const [name, { ports = [] }] of services.filter(([, { profiles }]) => !profiles)) {
      const row = rows.find((each) => each.name === name);
      const own = `(${row?.port}|${Number(row?.port) + METRICS_PORT_ABOVE})`;
      for (const port of ports) expect(port).toMatch(new RegExp(`^127\\.0\\.0\\.1:${own}:\\d+$`));
    }
  });

  it('when the schemas are made, then those of every service, in turn', () => {
    const { command = [] } = compose.services.migrate ?? {};
    expect(String(command)).toContain(`for service in ${SERVICE_NAMES.join(' ')}; do`);
    expect(SERVICE_NAMES.map((name) => schemaOf(name))).toEqual(SERVICE_NAMES.map((name) => `shop_${name}`));
  });
});
