/**
 * Writes `generated/types.ts` from `schemas/*.avsc`: one interface a record, one `EventData` map from event type
 * (the file's name) to its record, and the schemas themselves as text. Run by `npm run generate`; the tests fail when
 * the committed file differs from what this prints.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readSchemas, SCHEMA_FOLDER, type Schema } from './schema-files.ts';

const PRIMITIVES: Record<string, string> = {
  string: 'string',
  long: 'number',
  int: 'number',
  double: 'number',
  boolean: 'boolean',
  null: 'null',
};

/** Renders every generated type of the given schemas. `schemas` maps an event type to its parsed Avro schema. */
export function renderTypes(schemas: ReadonlyMap<string, Schema>): string {
  const interfaces: string[] = [];
  const tsType = (schema: Schema): string => {
    if (typeof schema === 'string') {
      const primitive = PRIMITIVES[schema];
      if (!primitive) throw new Error(`Avro type ${schema} has no TypeScript type here`);
      return primitive;
    }
    if (Array.isArray(schema)) return schema.map(tsType).join(' | ');
    if (schema.type === 'array' && schema.items) return `readonly ${tsType(schema.items)}[]`;
    if (schema.type === 'record' && schema.name) {
      const fields = (schema.fields ?? []).map(
        (field) => `  /** ${field.doc ?? ''} */\n  readonly ${field.name}: ${tsType(field.type)};`,
      );
      interfaces.push(`/** ${schema.doc ?? ''} */\nexport interface ${schema.name} {\n${fields.join('\n')}\n}\n`);
      return schema.name;
    }
    return tsType(schema.type);
  };
  const map = [...schemas].map(([type, schema]) => `  readonly '${type}': ${tsType(schema)};`);
  return [
    '// Generated from schemas/*.avsc by `npm run generate`. Do not edit.\n',
    ...interfaces,
    `/** Event type → its data. */\nexport interface EventDataByType {\n${map.join('\n')}\n}\n`,
  ].join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('./generated/types.ts', import.meta.url);
  writeFileSync(target, renderTypes(readSchemas(SCHEMA_FOLDER)));
  process.stderr.write(`wrote ${fileURLToPath(target)}\n`);
}
