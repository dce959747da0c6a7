import { z } from 'zod';

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export type JsonSchema = { [keyword: string]: unknown };

/** Turns zod schemas into JSON Schemas; those that have an id become components, named by it. */
export class SchemaWriter {
  readonly components: { [name: string]: JsonSchema } = {};

  /** `input`: what is accepted; `output`: what is answered. */
  write(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
    // Inside of another schema, one with an id becomes a reference.
    const { properties = {}, $defs = {} } = z.toJSONSchema(z.object({ it: schema }), {
      target: 'draft-2020-12',
      io,
      override({ jsonSchema }) {
        // A format says the same as its pattern, and can be read.
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
