/**
 * Writes `src/generated/types.ts` from `schemas/*.avsc`: one interface a record, one `EventData` map from event type
 * (the file's name) to its record, and the schemas themselves as text. Run by `npm run generate`; the tests fail when
 * the committed file differs from what this prints.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

type Schema = string | Schema[] | { type: Schema; name?: string; doc?: string; fields?: Field[]; items?: Schema };
interface Field {
  name: string;
  type: Schema;
  doc?: string;
}

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

/** Reads every committed schema: event type → parsed schema, in the order of their names. */
export function readSchemas(folder: URL): Map<string, Schema> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.avsc'))
    .sort();
  return new Map(
    files.map((name) => [name.replace('.avsc', ''), JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Schema]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const target = new URL('./generated/types.ts', import.meta.url);
  writeFileSync(target, renderTypes(readSchemas(new URL('../schemas/', import.meta.url))));
  process.stderr.write(`wrote ${fileURLToPath(target)}\n`);
}
