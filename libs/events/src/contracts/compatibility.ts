import type avsc from 'avsc';

/**
 * The reasons why two versions of a record are not FULLY compatible (readers of either read data of the other), one
 * line a field. Empty: compatible.
 */
export function incompatibilities(current: avsc.Type, released: avsc.Type): string[] {
  const problems = compare(current, released, '');
  if (problems.length > 0) return problems;
  // A trial reading catches incompatibilities that the comparison has no words for.
  return [...unreadable(current, released, 'released data'), ...unreadable(released, current, 'new data')];
}

function compare(current: avsc.Type, released: avsc.Type, path: string): string[] {
  if (isRecord(current) && isRecord(released)) return compareRecords(current, released, path);
  if (isArray(current) && isArray(released)) return compare(current.itemsType, released.itemsType, path);
  if (isUnion(current) && isUnion(released)) return compareUnions(current, released, path);
  const readable = canRead(current, released) && canRead(released, current);
  return readable ? [] : [`field "${path}" was ${nameOf(released)} and is now ${nameOf(current)}`];
}

function compareRecords(current: avsc.types.RecordType, released: avsc.types.RecordType, path: string): string[] {
  if (current.name !== released.name) return [`record ${released.name} is now called ${current.name}`];
  const problems: string[] = [];
  for (const field of current.fields) {
    const name = path ? `${path}.${field.name}` : field.name;
    const before = released.fields.find((other) => other.name === field.name);
    if (before) problems.push(...compare(field.type, before.type, name));
    else if (field.defaultValue() === undefined) {
      problems.push(`field "${name}" was added without a default: released data cannot be read`);
    }
  }
  for (const field of released.fields) {
    const kept = current.fields.some((other) => other.name === field.name);
    if (kept || field.defaultValue() !== undefined) continue;
    const name = path ? `${path}.${field.name}` : field.name;
    problems.push(`field "${name}" was removed though it had no default: released readers cannot read new data`);
  }
  return problems;
}

function compareUnions(current: UnionType, released: UnionType, path: string): string[] {
  const problems: string[] = [];
  for (const [ones, others, change] of [
    [current.types, released.types, 'new'],
    [released.types, current.types, 'gone'],
  ] as const) {
    for (const branch of ones) {
      const same = others.find((other) => nameOf(other) === nameOf(branch));
      if (same && change === 'new') problems.push(...compare(branch, same, path));
      if (!same) problems.push(`field "${path}": the alternative ${nameOf(branch)} is ${change}`);
    }
  }
  return problems;
}

function unreadable(reader: avsc.Type, writer: avsc.Type, what: string): string[] {
  try {
    reader.createResolver(writer);
    return [];
  } catch (error) {
    return [`${what} cannot be read: ${error instanceof Error ? error.message : String(error)}`];
  }
}

const canRead = (reader: avsc.Type, writer: avsc.Type): boolean => unreadable(reader, writer, '').length === 0;

interface UnionType extends avsc.Type {
  readonly types: avsc.Type[];
}

const isRecord = (type: avsc.Type): type is avsc.types.RecordType => type.typeName === 'record';
const isArray = (type: avsc.Type): type is avsc.types.ArrayType => type.typeName === 'array';
const isUnion = (type: avsc.Type): type is UnionType => type.typeName.startsWith('union:');
const nameOf = (type: avsc.Type): string => type.branchName ?? type.typeName;
