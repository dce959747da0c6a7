import type { Message } from '../codec/index.ts';

/** So many messages of one type in a row may have a wrong schema before the fault counts as the registry's. */
export const MAX_FAULTS_IN_A_ROW = 5;

/**
 * Counts messages in a row, by type, whose schema is unknown or another event's. A single one between good ones is
 * rubbish. Many in a row are what a registry made anew does to a topic, however slowly they come.
 */
export interface SchemaFaults {
  /** Whether more are in a row than may be, with these messages and those noted before. */
  tooMany(messages: readonly Message[]): boolean;
  /** Notes messages that were applied or set aside. */
  note(messages: readonly Message[]): void;
}

export function createSchemaFaults(): SchemaFaults {
  const rows = new Map<string, number>();
  return {
    tooMany(messages) {
      let most = 0;
      count(new Map(rows), messages, (inARow) => {
        most = Math.max(most, inARow);
      });
      return most > MAX_FAULTS_IN_A_ROW;
    },
    note: (messages) => count(rows, messages, () => {}),
  };
}

function count(rows: Map<string, number>, messages: readonly Message[], each: (inARow: number) => void): void {
  for (const message of messages) {
    if (message.event) rows.delete(message.event.type);
    else if (message.schemaFault) {
      const type = message.record.headers.ce_type ?? '';
      const inARow = (rows.get(type) ?? 0) + 1;
      rows.set(type, inARow);
      each(inARow);
    }
  }
}
