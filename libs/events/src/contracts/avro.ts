import avsc from 'avsc';

/** What is used of avsc's cursor in a message. */
interface Cursor {
  readonly pos: number;
  readonly buf: Uint8Array;
  readLong(): number;
}

/** Methods of every type of avsc, which its declarations leave out. */
interface Reader {
  _read(cursor: Cursor): unknown;
  _skip(cursor: Cursor): void;
}

/**
 * avsc believes the length that an array claims and fills in as many items, far beyond the end of the message: some
 * bytes of rubbish would take all memory, and again after each restart. This one refuses to begin.
 */
class BoundedArray extends avsc.types.ArrayType {
  _read(cursor: Cursor): unknown[] {
    const item = this.itemsType as unknown as Reader;
    const items: unknown[] = [];
    for (let left = blockLength(cursor); left > 0; left = blockLength(cursor)) {
      for (; left > 0; left -= 1) items.push(item._read(cursor));
    }
    return items;
  }

  _skip(cursor: Cursor): void {
    const item = this.itemsType as unknown as Reader;
    for (let left = blockLength(cursor); left > 0; left = blockLength(cursor)) {
      for (; left > 0; left -= 1) item._skip(cursor);
    }
  }
}

/** Items of the array's next block; 0 at its end. Throws when there are more than bytes: each takes one at least. */
function blockLength(cursor: Cursor): number {
  const announced = cursor.readLong();
  // A negative count is followed by the block's size in bytes, which only a reader in a hurry needs.
  if (announced < 0) cursor.readLong();
  const items = Math.abs(announced);
  const bytes = cursor.buf.length - cursor.pos;
  if (items > 0 && items > bytes) throw new RangeError(`an array claims ${items} items in ${bytes} bytes`);
  return items;
}

/** The type of a schema, for bytes that may be rubbish. */
export function parseAvro(schema: avsc.Schema, options: Partial<avsc.ForSchemaOptions> = {}): avsc.Type {
  return avsc.Type.forSchema(schema, {
    ...options,
    typeHook: (part, inherited) => (isArray(part) ? new BoundedArray(part, inherited) : undefined),
  });
}

function isArray(schema: avsc.Schema): boolean {
  return typeof schema === 'object' && !Array.isArray(schema) && 'type' in schema && schema.type === 'array';
}
