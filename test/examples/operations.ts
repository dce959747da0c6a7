import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';
import { ROUTES } from '../../services/gateway/src/routes.generated.ts';
import type { UpstreamName } from '../../services/gateway/src/routes.ts';

/** An operation of the OpenAPI document. */
export interface DocumentedOperation {
  readonly operationId: string;
  readonly method: string;
  /** `/orders/{id}` */
  readonly template: string;
  readonly access: 'public' | 'user' | 'ops';
  /** The service that answers it; undefined for the gateway itself. */
  readonly service: UpstreamName | undefined;
  /** The documented meaning of its `{id}`; undefined without one. */
  readonly id: string | undefined;
  /** Its first example; undefined where it takes no body, `null` where it has no example. */
  readonly body: unknown;
}

interface OpenApi {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        readonly operationId: string;
        readonly 'x-access': DocumentedOperation['access'];
        readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description: string }[];
        readonly requestBody?: {
          readonly content: Record<string, { readonly examples?: Record<string, { readonly value: unknown }> }>;
        };
      }
    >
  >;
}

/** Every documented operation, including newly added ones. */
export function documentedOperations(): DocumentedOperation[] {
  const document = JSON.parse(readFileSync(join(root, 'services/gateway/openapi.json'), 'utf8')) as OpenApi;
  return Object.entries(document.paths).flatMap(([template, operations]) =>
    Object.entries(operations).map(([name, operation]): DocumentedOperation => {
      const method = name.toUpperCase();
      const path = template.replaceAll(/\{(\w+)\}/g, ':$1');
      const [example] = Object.values(operation.requestBody?.content['application/json']?.examples ?? {});
      return {
        operationId: operation.operationId,
        method,
        template,
        access: operation['x-access'],
        service: ROUTES.find((route) => route.method === method && route.path === path)?.service,
        id: operation.parameters?.find((it) => it.name === 'id' && it.in === 'path')?.description.split(':')[0],
        body: operation.requestBody && (example?.value ?? null),
      };
    }),
  );
}

/** A request of an operation that works for its owning user. */
export interface Example {
  readonly operation: DocumentedOperation;
  readonly path: string;
  readonly body: unknown;
}

/** A user's things that an operation's `{id}` may stand for. */
export interface Owned {
  readonly orderId: string;
  readonly requestId: string;
  readonly productId: string;
  readonly auditId: string;
  readonly rushId: string;
  readonly policyId: string;
}

/** The documented meaning of an `{id}`, up to a colon → the thing with that id. */
const IDS: Readonly<Record<string, keyof Owned>> = {
  'the order': 'orderId',
  'the request': 'requestId',
  'the product': 'productId',
  'the audit': 'auditId',
  'the rush': 'rushId',
  'the policy': 'policyId',
};

/** Replacements for documented bodies that would cost a test too much. */
const BODIES: Readonly<Record<string, unknown>> = { startRush: { buyers: 1 } };

/** @throws for an operation without an example: add new ones to the tables here */
export function exampleOf(operation: DocumentedOperation, owned: Owned): Example {
  const { operationId, template } = operation;
  const [before = '', after] = template.split('{id}');
  const kind = IDS[operation.id ?? ''];
  if (after !== undefined && !kind) throw new Error(`${operationId}: IDS does not know ${operation.id}`);
  const path = after === undefined || !kind ? before : `${before}${owned[kind]}${after}`;
  if (path.includes('{')) throw new Error(`${operationId}: ${template} has more than an {id}`);
  const body = BODIES[operationId] ?? operation.body;
  if (body === null) throw new Error(`${operationId}: the document has no example of its body`);
  return { operation, path, body };
}
