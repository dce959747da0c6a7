import type { Clock } from '../clock.ts';
import type { MessagingStore, NumberedRow } from '../store/index.ts';

/** Rows sent but not known to be deleted. They are deleted before the table is read again. */
export interface SentRows {
  readonly count: number;
  add(rows: readonly NumberedRow[]): void;
  /** Time until the first row has been kept for `keepMs`, ms; 0 or less when it has. */
  dueIn(): number;
  /** Deletes the rows. After a failure they stay here for the next call. */
  settle(): Promise<void>;
}

export function createSentRows(
  store: Pick<MessagingStore<never>, 'deleteOutbox'>,
  keepMs: number,
  clock: Clock,
): SentRows {
  let unsettled: NumberedRow[] = [];
  /** When the first unsettled row was sent, ms. */
  let since = 0;

  return {
    get count() {
      return unsettled.length;
    },
    add(rows) {
      if (unsettled.length === 0) since = clock.now();
      unsettled.push(...rows);
    },
    // At most the time itself: the database's clock may have been set back.
    dueIn: () => Math.min(keepMs, since + keepMs - clock.now()),
    async settle() {
      if (unsettled.length === 0) return;
      await store.deleteOutbox(unsettled);
      unsettled = [];
    },
  };
}
