import { readdirSync, readFileSync } from 'node:fs';

/** An Avro schema, as parsed from its file. */
export type Schema =
  | string
  | Schema[]
  | { type: Schema; name?: string; doc?: string; fields?: Field[]; items?: Schema };
export interface Field {
  name: string;
  type: Schema;
  doc?: string;
}

/** The folder with one Avro schema an event, named by its type. */
export const SCHEMA_FOLDER = new URL('../../schemas/', import.meta.url);

/** Reads every committed schema: event type → parsed schema, in the order of their names. */
export function readSchemas(folder: URL): Map<string, Schema> {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith('.avsc'))
    .sort();
  return new Map(
    files.map((name) => [name.replace('.avsc', ''), JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Schema]),
  );
}
