import { reasonOf } from '@shop/chassis';
import type { Broker } from '../broker.ts';
import { withSequence } from '../codec/index.ts';
import { RefusedError } from '../errors.ts';
import { isIn, type NumberedRow, type OutboxPart } from '../store/index.ts';
import { sendTraced, type TracedRows } from '../tracing.ts';

/** A part of the outbox that the broker refuses, and the first row it refused. */
export interface Refusal extends OutboxPart {
  /** The broker's word for it, such as UNKNOWN_TOPIC_OR_PARTITION. */
  readonly reason: string;
  readonly row: NumberedRow;
}

/** With more refused records of a topic in one delivery, the topic counts as refused: each of them costs a request. */
const MAX_REFUSED_RECORDS = 50;

export interface Delivery {
  /** Rows that the broker has taken. */
  readonly taken: readonly NumberedRow[];
  /** What it refused. Rows in neither stand behind a refused one of their key, and were not sent. */
  readonly refusals: readonly Refusal[];
}

/**
 * Sends rows, in one request where the broker takes all. Where it refuses something, the rows are sent again topic by
 * topic, so that only the refused topic waits; and where it refuses a record, by halves down to that record, so that
 * only the record's key waits. A row behind a refused one of its key is never sent: the order of a key stays. Rows that
 * the first request wrote are duplicates then.
 * @param once for rows that were refused before, see `Broker.send`
 * @throws OutageError when the broker is away; some rows may have been written then
 */
export async function deliver(
  broker: Pick<Broker, 'send'>,
  rows: readonly NumberedRow[],
  once = false,
): Promise<Delivery> {
  const taken: NumberedRow[] = [];
  const refusals: Refusal[] = [];
  const traced = sendTraced(rows);

  /** What waits because of a refused record: its key, or its topic when too many of it are refused. */
  function partOf({ topic, key }: NumberedRow): OutboxPart {
    const before = refusals.filter((it) => it.topic === topic).length;
    return before < MAX_REFUSED_RECORDS ? { topic, key } : { topic };
  }

  async function send(some: readonly NumberedRow[], isFirst: boolean): Promise<void> {
    const open = some.filter((row) => !refusals.some((part) => isIn(part, row)));
    const [row] = open;
    if (!row) return;
    try {
      await broker.send(open.map(toRecord(traced)), { once: once || !isFirst });
      taken.push(...open);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      const { topic } = row;
      const topics = [...Map.groupBy(open, (each) => each.topic).values()];
      if (topics.length > 1) for (const ofTopic of topics) await send(ofTopic, false);
      else if (error.scope === 'topic') refusals.push({ topic, reason: error.reason, row });
      else if (open.length === 1) refusals.push({ ...partOf(row), reason: error.reason, row });
      else {
        const middle = Math.floor(open.length / 2);
        await send(open.slice(0, middle), false);
        await send(open.slice(middle), false);
      }
    }
  }
  try {
    await send(rows, true);
    traced.end(taken);
  } catch (error) {
    traced.end(taken, reasonOf(error));
    throw error;
  }
  return { taken, refusals };
}

function toRecord({ headersOf }: TracedRows) {
  return (row: NumberedRow) => {
    const { topic, key, payload, seq } = row;
    return { topic, key, value: payload, headers: withSequence(headersOf(row), seq) };
  };
}
