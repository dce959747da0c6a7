import { EVENTS, type EventType, isEventType } from '@shop/events';
import { MAX_SUSPECTS, type Suspect } from './check.ts';
import { type LogRecord, partitionName } from './log.ts';

/** The progress of one group, from the schema of its service. */
export interface GroupState {
  readonly group: string;
  readonly handles: readonly EventType[];
  /** Which of these the group wants, by headers; absent: all. */
  readonly wants?: (headers: Readonly<Record<string, string>>) => boolean;
  /** Committed offsets, by `topic/partition`. */
  readonly committed: ReadonlyMap<string, number>;
  /** Event ids in the group's inbox. */
  readonly processed: ReadonlySet<string>;
  /** Dead and parked messages of the group: their event ids, and `topic/partition@offset` of those without an id. */
  readonly setAside: ReadonlySet<string>;
}

export interface OffsetTally {
  add(record: LogRecord): void;
  /** Records below a group's committed offset, counted once a group. */
  readonly consumed: number;
  readonly suspects: readonly (Suspect & { readonly group: string; readonly eventId: string | undefined })[];
}

/**
 * Checks every record below a group's committed offset: it was applied (its id is in the inbox), was not for the group,
 * or was set aside. Any other record was acknowledged and lost.
 *
 * No second look is needed: a batch's inbox rows commit before its offsets, so inboxes read after the offsets hold
 * them.
 */
export function createOffsetTally(groups: readonly GroupState[]): OffsetTally {
  const suspects: (Suspect & { group: string; eventId: string | undefined })[] = [];
  const readers = groups.map((state) => ({
    ...state,
    types: new Set<string>(state.handles),
    topics: new Set(state.handles.map((type) => EVENTS[type].topic)),
  }));
  let consumed = 0;
  return {
    suspects,
    get consumed() {
      return consumed;
    },
    add(record) {
      const partition = partitionName(record);
      const position = `${partition}@${record.offset}`;
      const type = record.type && record.id !== undefined && isEventType(record.type) ? record.type : undefined;
      const forgetful: string[] = [];
      for (const reader of readers) {
        if (!reader.topics.has(record.topic) || record.offset >= (reader.committed.get(partition) ?? 0)) continue;
        consumed++;
        if (!isAccountedFor(reader, record, position)) forgetful.push(reader.group);
      }
      if (forgetful.length === 0 || suspects.length >= MAX_SUSPECTS) return;
      const of = { group: forgetful[0] ?? '' };
      if (!type) {
        // One record that is no event is one fault, however many groups read it.
        const detail = `a record without the headers of an event is below the committed offsets of ${forgetful.join(', ')}, but not set aside`;
        suspects.push({ ...of, id: position, detail, eventId: undefined });
        return;
      }
      const detail = `${type} ${record.id} is below the committed offset, but neither applied nor set aside`;
      for (const group of forgetful)
        suspects.push({ ...of, group, id: `${group}: ${position}`, detail, eventId: record.id });
    },
  };
}

interface Reader extends GroupState {
  readonly types: ReadonlySet<string>;
}

function isAccountedFor(reader: Reader, { id, type, headers }: LogRecord, position: string): boolean {
  // Decided by headers alone, before the message is decoded, as in the consumer.
  if (type && !(reader.types.has(type) && (reader.wants?.(headers) ?? true))) return true;
  if (type && id !== undefined && reader.processed.has(id)) return true;
  return reader.setAside.has(position) || (id !== undefined && reader.setAside.has(id));
}
