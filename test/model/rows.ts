import type { Database } from '@shop/chassis';
import type { EventType, ReceivedEvent } from '@shop/events';

/** The time of everything that scripts write. */
export const AT = new Date('2026-01-01T00:00:00Z');

/** An event as a handler gets it, with what the decisions look at. */
export function eventOf<T extends EventType>(type: T, data: Partial<ReceivedEvent<T>['data']>): ReceivedEvent<T> {
  return { type, data, id: '', topic: '', key: '' } as unknown as ReceivedEvent<T>;
}

export async function clear(database: Database, tables: readonly string[]): Promise<void> {
  await database.transaction(async (tx) => {
    for (const table of tables) await tx.execute(`DELETE FROM ${table}`);
  });
}

/** The committed rows of a table of the model, in the order of `by`. */
export function rowsOf<Row>(table: { readonly committed: ReadonlyMap<string, Row> }, by: (row: Row) => string): Row[] {
  return [...table.committed.values()].sort((a, b) => (by(a) < by(b) ? -1 : 1));
}
