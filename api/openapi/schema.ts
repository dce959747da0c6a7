import { z } from 'zod';

/** A JSON Schema (2020-12), as used by OpenAPI 3.1. */
export type JsonSchema = { [keyword: string]: unknown };

/** Converts zod schemas into JSON Schemas; schemas with an id become components of that name. */
export class SchemaWriter {
  readonly components: { [name: string]: JsonSchema } = {};

  /** `input`: the accepted values; `output`: the answered values. */
  write(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    // Nested in another schema, a schema with an id becomes a reference.
    const { properties = {}, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), {
      target: 'draft-2020-12',
      io,
      override({ jsonSchema }) {
        // A format says the same as its pattern, and is readable.
        if (jsonSchema.format) delete jsonSchema.pattern;
      },
    });
    for (const [name, definition] of Object.entries($defs)) this.#add(name, pointToComponents(definition));
    return pointToComponents(properties.it);
  }

  #add(name: string, definition: JsonSchema): void {
    const before = this.components[name];
    if (before && JSON.stringify(before) !== JSON.stringify(definition)) {
      throw new Error(`two schemas have the id ${name}`);
    }
    this.components[name] = definition;
  }
}

function pointToComponents(schema: unknown): JsonSchema {
  return JSON.parse(
    JSON.stringify(schema, (key, value: unknown) =>
      key === '$ref' && typeof value === 'string' ? value.replace('#/$defs/', '#/components/schemas/') : value,
    ),
  ) as JsonSchema;
}
