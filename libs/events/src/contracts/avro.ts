import avsc from 'avsc';

/** The part of avsc's message cursor that is used here. */
interface Cursor {
  readonly pos: number;
  readonly buf: Uint8Array;
  readLong(): number;
}

/** Methods of every avsc type that its declarations leave out. */
interface Reader {
  _read(cursor: Cursor): unknown;
  _skip(cursor: Cursor): void;
}

/**
 * An array type that refuses a length beyond the end of the message. avsc itself believes the length and fills in as
 * many items: a few bytes of rubbish would take all memory, and again after each restart.
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

/**
 * Items of the array's next block; 0 at its end. Throws when there are more items than bytes: each takes at least one.
 */
function blockLength(cursor: Cursor): number {
  const announced = cursor.readLong();
  // After a negative count comes the block's size in bytes, for readers that skip blocks. It is not needed here.
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
