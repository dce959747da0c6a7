import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import avsc from 'avsc';
import { incompatibilities } from './compatibility.ts';
import { renderTypes } from './generate.ts';
import { checkReleases, currentSchemas, releasesOf } from './release.ts';
import { readSchemas, SCHEMA_FOLDER } from './schema-files.ts';

interface Field {
  name: string;
  type: unknown;
  doc?: string;
  default?: unknown;
}

const schemas = currentSchemas();
const orderCreated = () => JSON.parse(schemas.get('order-created') ?? '') as { name: string; fields: Field[] };
const typeOf = (schema: unknown) => avsc.Type.forSchema(schema as avsc.Schema);

/** Problems of order-created after `change`, compared with the current schema. */
function problemsAfter(change: (schema: ReturnType<typeof orderCreated>) => void): string[] {
  const changed = orderCreated();
  change(changed);
  return incompatibilities(typeOf(changed), typeOf(orderCreated()));
}

describe('contracts', () => {
  it('when the types are generated from the schemas, then they equal the committed file', () => {
    const committed = readFileSync(new URL('./generated/types.ts', import.meta.url), 'utf8');
    expect(committed).toBe(renderTypes(readSchemas(SCHEMA_FOLDER)));
  });

  it('when a contract is compared with every released version, then it is compatible both ways', () => {
    expect(checkReleases(schemas)).toEqual([]);
  });

  it('when the contracts are listed, then every one has been released', () => {
    expect([...schemas.keys()].filter((type) => releasesOf(type).length === 0)).toEqual([]);
  });

  it('when a contract has a field, then the schema documents it', () => {
    const undocumented: string[] = [];
    const visit = (type: string, schema: unknown): void => {
      if (typeof schema !== 'object' || schema === null) return;
      const { fields } = schema as { fields?: Field[] };
      for (const field of fields ?? []) if (!field.doc) undocumented.push(`${type}.${field.name}`);
      for (const part of Object.values(schema)) visit(type, part);
    };
    for (const [type, text] of schemas) visit(type, JSON.parse(text));
    expect(undocumented).toEqual([]);
  });
});

describe('a change of a contract', () => {
  it('when a change removes a field without a default, then it is refused, naming the field', () => {
    const problems = problemsAfter((schema) =>
      schema.fields.splice(
        schema.fields.findIndex((f) => f.name === 'userId'),
        1,
      ),
    );
    expect(problems).toEqual([
      'field "userId" was removed though it had no default: released readers cannot read new data',
    ]);
  });

  it('when a change adds a field without a default, then it is refused, naming the field', () => {
    const problems = problemsAfter((schema) => schema.fields.push({ name: 'channel', type: 'string' }));
    expect(problems).toEqual(['field "channel" was added without a default: released data cannot be read']);
  });

  it('when a change is deep inside a record, then it is refused with the path of the field', () => {
    const problems = problemsAfter((schema) => {
      for (const { name, type } of schema.fields) {
        if (name === 'lines')
          (type as { items: { fields: Field[] } }).items.fields.push({ name: 'note', type: 'string' });
      }
    });
    expect(problems).toEqual(['field "lines.note" was added without a default: released data cannot be read']);
  });

  it('when a change concerns a type, an alternative, or the name, then it is refused', () => {
    const setType = (name: string, type: unknown) => (schema: ReturnType<typeof orderCreated>) => {
      for (const field of schema.fields) if (field.name === name) field.type = type;
    };
    expect(problemsAfter(setType('userId', 'string'))).toEqual(['field "userId" was long and is now string']);
    expect(problemsAfter(setType('couponId', ['null', 'string', 'long']))).toEqual([
      'field "couponId": the alternative long is new',
    ]);
    expect(problemsAfter((schema) => Object.assign(schema, { name: 'Renamed' }))[0]).toContain('is now called');
  });

  it('when a change adds or removes a field with a default, then it is allowed', () => {
    expect(
      problemsAfter((schema) => schema.fields.push({ name: 'channel', type: ['null', 'string'], default: null })),
    ).toEqual([]);
    expect(
      problemsAfter((schema) =>
        schema.fields.splice(
          schema.fields.findIndex((f) => f.name === 'couponId'),
          1,
        ),
      ),
    ).toEqual([]);
  });
});
