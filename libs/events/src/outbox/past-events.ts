import type { SqlExecutor } from '@shop/chassis';
import type { EventType, NewEvent } from '../contracts/index.ts';

/** An event that a service has published, derived again from its rows. Its id is that of the first time. */
export interface PastEvent {
  readonly event: NewEvent;
  /** When it happened, as its row says: some milliseconds before the `ce_time` of the first time. */
  readonly at: Date;
}

/** Events that follow from some of a service's tables. */
export interface PublishedRows {
  readonly types: readonly EventType[];
  /** Fields that the rows do not tell, and what stands there instead. Absent: the events are whole. */
  readonly partly?: string;
  /**
   * Reads the tables of the service's own schema page by page. @returns the events that happened at `since` or later;
   * those of one key and type in their order
   */
  read(sql: Pick<SqlExecutor, 'query'>, since: Date): AsyncGenerator<readonly PastEvent[]>;
}

const PAGE = 1_000;

/** Reads rows in the order of a key. `page` gets the last row before it, and how many are wanted. */
export async function* pagesAfter<Row>(
  page: (last: Row | undefined, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[]> {
  for (let last: Row | undefined; ; ) {
    const rows = await page(last, PAGE);
    if (rows.length > 0) yield rows;
    last = rows.at(-1);
    if (rows.length < PAGE) return;
  }
}
