import { createRequire } from 'node:module';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/** Violations of the AsyncAPI 3 JSON Schema and of consistency in a document. */
export function asyncApiProblems(document: unknown): string[] {
  const schema = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as {
    definitions: Record<string, unknown>;
  };
  const { 'http://json-schema.org/draft-07/schema': _known, ...definitions } = schema.definitions;
  const ajv = new Ajv({ strict: false });
  addFormats.default(ajv);
  const validate = ajv.compile({ ...schema, definitions });
  const problems = validate(document)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `asyncapi.json ${instancePath}: ${message}`);
  return [...problems, ...deadEnds(document)];
}

/** References without a target. */
function deadEnds(document: unknown): string[] {
  const problems: string[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { $ref } = value as { $ref?: unknown };
    if (typeof $ref === 'string' && resolve(document, $ref) === undefined) {
      problems.push(`asyncapi.json: ${$ref} leads nowhere`);
    }
    for (const member of Object.values(value)) visit(member);
  };
  visit(document);
  return problems;
}

function resolve(document: unknown, reference: string): unknown {
  return reference
    .slice(2)
    .split('/')
    .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], document);
}
