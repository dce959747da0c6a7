import { existsSync, readFileSync } from 'node:fs';
import { ALL_SERVICE_NAMES, folderOf, type ServiceName } from '../services/services.ts';

/**
 * Lists of what each service has, made from the list of services and from the files that there are. They are imports,
 * written out, so that the compiler and the rules of imports see them.
 */
interface List {
  /** The file that is generated, from the repository's root. */
  readonly path: string;
  /** The name of the list. */
  readonly name: string;
  /** Where a service has its part, from the repository's root, and the name it exports. A service may have none. */
  readonly part: (service: ServiceName) => string;
  readonly exported: string;
}

const LISTS: readonly List[] = [
  {
    path: 'services/groups.generated.ts',
    name: 'GROUPS_OF',
    part: (service) => `${folderOf(service)}/src/messaging/subscriptions.ts`,
    exported: 'GROUPS',
  },
  {
    path: 'ops/src/audit/participants.generated.ts',
    name: 'PARTICIPANT_OF',
    part: (service) => `ops/src/audit/participants/${service}.ts`,
    exported: 'PARTICIPANT',
  },
  {
    path: 'api/openapi/operations.generated.ts',
    name: 'OPERATIONS_OF',
    part: (service) => `${folderOf(service)}/src/http/operations.ts`,
    exported: 'OPERATIONS',
  },
  {
    path: 'api/openapi/problem-tables.generated.ts',
    name: 'PROBLEMS_OF',
    part: (service) => `${folderOf(service)}/src/problems.ts`,
    exported: 'PROBLEMS',
  },
  {
    path: 'api/saga/tables.generated.ts',
    name: 'SAGA_TABLE_OF',
    part: (service) => `${folderOf(service)}/test/examples.ts`,
    exported: 'sagaTable',
  },
];

/** In the order in which services hear of an order, as one reads of them; any other service comes after these. */
const AS_READ: readonly ServiceName[] = ['order', 'catalog', 'coupon', 'payment', 'ranking'];
const NAMES = [...new Set([...AS_READ, ...ALL_SERVICE_NAMES])];

const ROOT = new URL('../', import.meta.url).pathname;

/** Renders every list. Nothing of the services is loaded: what is generated may not be there yet. */
export function renderLists(): { readonly path: string; readonly text: string }[] {
  return LISTS.map((list) => ({ path: list.path, text: render(list) }));
}

function render({ path, name, part, exported }: List): string {
  const having = NAMES.filter((service) => exports(part(service), exported));
  const imports = having
    .map((service) => ({ service, from: relative(path, part(service)) }))
    // As the formatter sorts imports: what is further away comes first.
    .sort((a, b) => depth(b.from) - depth(a.from) || (a.from < b.from ? -1 : 1))
    .map(({ service, from }) => `import { ${exported} as ${service} } from '${from}';`);
  return `// Generated from services/services.ts and the files of each service by \`npm run generate\`. Do not edit.
${imports.join('\n')}

export const ${name} = ${object(having, `export const ${name} = `)};
`;
}

function exports(file: string, name: string): boolean {
  const path = `${ROOT}${file}`;
  return existsSync(path) && new RegExp(`^export (const|function) ${name}\\b`, 'm').test(readFileSync(path, 'utf8'));
}

/** The object of these names on one line, or on several where one is too short. */
function object(names: readonly string[], before: string): string {
  const line = `{ ${names.join(', ')} }`;
  return before.length + line.length < 120 ? line : `{\n${names.map((name) => `  ${name},\n`).join('')}}`;
}

/** How a file imports another, both from the repository's root. */
function relative(from: string, to: string): string {
  const [here, there] = [from.split('/').slice(0, -1), to.split('/')];
  const shared = here.findIndex((folder, n) => folder !== there[n]);
  const common = shared < 0 ? here.length : shared;
  const up = here.slice(common).map(() => '..');
  return [...(up.length > 0 ? up : ['.']), ...there.slice(common)].join('/');
}

const depth = (path: string): number => path.split('/').filter((folder) => folder === '..').length;
