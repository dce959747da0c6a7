import type { IncomingRecord } from '../broker.ts';
import type { Codec, DecodedEvent } from '../codec/index.ts';
import { UndecodableError } from '../errors.ts';
import { REPUBLISHED } from '../store/index.ts';

export interface BeginningOptions {
  readonly codec: Pick<Codec, 'decode'>;
  /** The type whose first event shows how far back a topic reaches. */
  readonly type: DecodedEvent['type'];
  /** When an event of that type happened, ms; undefined for others. */
  readonly timeOf: (event: DecodedEvent) => number | undefined;
  readonly dayOf: (at: number) => string;
  /** The first day of the copy in use; undefined while it has none. */
  readonly firstDay: string | undefined;
  readonly now: number;
}

/**
 * Tells from their records whether topics hold everything that a copy counts, though nothing is removed from their
 * beginning: topics that were deleted and made anew begin at offset 0 too, and look whole.
 */
export function watchBeginning({ codec, type, timeOf, dayOf, firstDay, now }: BeginningOptions) {
  let refilledSince: number | undefined;
  let earliest: number | undefined;

  /** Once one event is as old as the copy, no other needs to be read. */
  const reachesBack = () => earliest !== undefined && firstDay !== undefined && dayOf(earliest) <= firstDay;

  async function timeIn({ value, headers }: IncomingRecord): Promise<number | undefined> {
    if (headers.ce_type !== type || value === null) return undefined;
    try {
      return timeOf(await codec.decode(value, type));
    } catch (error) {
      if (error instanceof UndecodableError) return undefined;
      throw error;
    }
  }

  return {
    async add(record: IncomingRecord): Promise<void> {
      const since = Date.parse(record.headers[REPUBLISHED] ?? '');
      if (!Number.isNaN(since)) refilledSince = Math.max(refilledSince ?? since, since);
      if (firstDay === undefined || reachesBack()) return;
      const at = await timeIn(record);
      if (at !== undefined) earliest = Math.min(earliest ?? at, at);
    },

    /** The time since which the topics hold everything; undefined: they hold all that the copy has. */
    since(): Date | undefined {
      if (firstDay === undefined) return undefined;
      if (refilledSince !== undefined)
        return firstDay <= dayOf(refilledSince - 1) ? new Date(refilledSince) : undefined;
      return reachesBack() ? undefined : new Date(earliest ?? now);
    },
  };
}
