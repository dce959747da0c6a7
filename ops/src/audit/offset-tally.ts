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
  /** Dead and parked messages of the group: `topic/partition@offset` and event ids. */
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
      for (const reader of readers) {
        if (!reader.topics.has(record.topic) || record.offset >= (reader.committed.get(partition) ?? 0)) continue;
        consumed++;
        // Decided by headers alone, before the message is decoded, as in the consumer.
        if (record.type && !(reader.types.has(record.type) && (reader.wants?.(record.headers) ?? true))) continue;
        const readable = record.type && record.id !== undefined;
        if (readable && reader.processed.has(record.id ?? '')) continue;
        const position = `${partition}@${record.offset}`;
        if (reader.setAside.has(position) || (record.id !== undefined && reader.setAside.has(record.id))) continue;
        if (suspects.length >= MAX_SUSPECTS) continue;
        const what =
          readable && isEventType(record.type ?? '')
            ? `${record.type} ${record.id}`
            : 'a record without the headers of an event';
        suspects.push({
          id: `${reader.group}: ${position}`,
          detail: `${what} is below the committed offset, but neither applied nor set aside`,
          group: reader.group,
          eventId: record.id,
          ...(record.key !== null && { key: record.key }),
        });
      }
    },
  };
}
