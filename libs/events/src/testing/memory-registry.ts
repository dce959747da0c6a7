import avsc from 'avsc';
import type { SchemaStore } from '../codec/index.ts';

/** A schema registry in memory; it refuses nothing. */
export function createMemoryRegistry(): SchemaStore & { readonly schemas: readonly string[] } {
  const schemas: string[] = [];
  return {
    schemas,
    async register(_subject, schema) {
      const known = schemas.indexOf(schema);
      return known >= 0 ? known + 1 : schemas.push(schema);
    },
    async fetch(id) {
      const schema = schemas[id - 1];
      return schema === undefined ? undefined : avsc.Type.forSchema(JSON.parse(schema));
    },
  };
}
