import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { ROUTES } from '../../services/gateway/src/routes.generated.ts';
import { SERVICE_NAMES } from '../../services/services.ts';
import type { Answer } from './answer.ts';

interface Header {
  readonly $ref?: string;
  readonly required?: boolean;
  readonly schema?: { readonly type?: string };
}
interface Response {
  readonly $ref?: string;
  readonly headers?: Readonly<Record<string, Header>>;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}
interface Schema {
  readonly allOf?: readonly Schema[];
  readonly properties?: { readonly code?: { readonly enum?: readonly string[] } };
}
interface Documented {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly 'x-access': string;
  readonly requestBody?: object;
  readonly responses: Readonly<Record<string, Response>>;
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
  readonly components: { readonly responses: Record<string, Response>; readonly headers: Record<string, Header> };
}

export interface DocumentedOperation extends Documented {
  readonly method: string;
  /** A template: `/orders/{id}`. */
  readonly path: string;
}

/** The documented API: the possible answers of each operation. */
export interface Contract {
  readonly operations: readonly DocumentedOperation[];
  /** `operationId status code` of every documented answer; no code where it is not a problem. */
  readonly documented: readonly string[];
  /** The documented answers that `check` has seen. */
  readonly seen: ReadonlySet<string>;
  /** The faults of an answer; none for a path outside the document. */
  check(method: string, path: string, answer: Pick<Answer, 'status' | 'headers' | 'text'>): string[];
}

const FILE = new URL('../../services/gateway/openapi.json', import.meta.url);

export function loadContract(): Contract {
  const document = JSON.parse(readFileSync(FILE, 'utf8')) as Document;
  const ajv = new Ajv2020({ strict: false, coerceTypes: false });
  addFormats.default(ajv);
  ajv.addSchema(document, 'openapi.json');
  const operations = Object.entries(document.paths)
    .flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
    )
    .filter(runsHere);
  const seen = new Set<string>();

  /** A response, and its place in the document. */
  function responseOf(
    { method, path, responses }: DocumentedOperation,
    status: number,
  ): [Response, string] | undefined {
    const response = responses[status];
    if (!response) return undefined;
    const name = response.$ref?.split('/').at(-1);
    if (name) return [document.components.responses[name] ?? {}, `#/components/responses/${name}`];
    return [response, `#/paths/${encode(path)}/${method.toLowerCase()}/responses/${status}`];
  }

  function faultsOf(pointer: string, value: unknown): string[] {
    const validate = ajv.getSchema(`openapi.json${pointer}`);
    if (!validate) throw new Error(`there is no ${pointer}`);
    return validate(value) ? [] : (validate.errors ?? []).map((fault) => `${fault.instancePath} ${fault.message}`);
  }

  function headerFaults(response: Response, headers: Headers): string[] {
    return Object.entries(response.headers ?? {}).flatMap(([name, header]) => {
      const { required, schema = {} } = header.$ref ? (document.components.headers[name] ?? {}) : header;
      const text = headers.get(name);
      if (text === null) return required ? [`the header ${name} is missing`] : [];
      const value = schema.type === 'integer' ? Number(text) : text;
      return ajv.validate(schema, value) ? [] : [`the header ${name}: ${text}: ${ajv.errorsText()}`];
    });
  }

  return {
    operations,
    seen,
    documented: operations.flatMap((operation) =>
      Object.keys(operation.responses).flatMap((status) => {
        const [response] = responseOf(operation, Number(status)) ?? [];
        const codes = codesOf(response);
        return codes.length === 0
          ? [`${operation.operationId} ${status}`]
          : codes.map((code) => `${operation.operationId} ${status} ${code}`);
      }),
    ),
    check(method, path, { status, headers, text }) {
      const operation = find(operations, method, path);
      if (!operation) return [];
      const [response, pointer] = responseOf(operation, status) ?? [];
      if (!response || !pointer) return [`${operation.operationId} may not answer ${status}: ${text.slice(0, 300)}`];
      const type = headers.get('content-type')?.split(';')[0];
      const wrong = headerFaults(response, headers);
      let body: unknown = text;
      if (response.content) {
        if (type && type in response.content) {
          if (type.endsWith('json')) body = JSON.parse(text);
          wrong.push(...faultsOf(`${pointer}/content/${encode(type)}/schema`, body));
        } else wrong.push(`the content type is ${type}`);
      } else if (text !== '') wrong.push('there is a body');
      const code = status >= 400 ? (body as { code?: string }).code : undefined;
      seen.add([operation.operationId, status, code].filter(Boolean).join(' '));
      return wrong.map((fault) => `${operation.operationId} ${status}: ${fault}: ${text.slice(0, 500)}`);
    },
  };
}

/** Whether its service runs here: an example may not. The gateway's own operations have no route. */
function runsHere({ method, path }: DocumentedOperation): boolean {
  const template = path.replaceAll(/\{(\w+)\}/g, ':$1');
  const service = ROUTES.find((route) => route.method === method && route.path === template)?.service;
  return service === undefined || service === 'ops' || SERVICE_NAMES.includes(service);
}

function codesOf(response: Response | undefined): readonly string[] {
  const schema = response?.content?.['application/problem+json']?.schema;
  return schema?.allOf?.flatMap(({ properties }) => properties?.code?.enum ?? []) ?? [];
}

/** The operation of a path (with or without query). A fixed segment takes precedence over a parameter. */
function find(
  operations: readonly DocumentedOperation[],
  method: string,
  path: string,
): DocumentedOperation | undefined {
  const segments = path.split('?')[0]?.split('/') ?? [];
  const fitting = operations.filter((operation) => {
    const template = operation.path.split('/');
    return (
      operation.method === method &&
      template.length === segments.length &&
      template.every((part, index) => part === segments[index] || (part.startsWith('{') && segments[index] !== ''))
    );
  });
  return fitting.sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
}

function encode(segment: string): string {
  return encodeURIComponent(segment.replace(/~/g, '~0').replace(/\//g, '~1'));
}
