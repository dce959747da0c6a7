import { type Codec, EVENTS, type KafkaAdmin, type RecordRange, watchBeginning } from '@shop/events';
import { dayIn } from '../audit/business-days.ts';
import { isFor } from '../audit/groups.ts';
import type { SqlReader } from '../sql.ts';
import { groupNamed } from './options.ts';
import { parseRef, type Request } from './requests.ts';
import { type TypeCount, typeCounts } from './type-counts.ts';

/** The extent of a rebuild of ranking. */
export interface RebuildPlan {
  /** All records that the topic holds now. */
  readonly ranges: readonly RecordRange[];
  /** The types ranking wants from it. */
  readonly types: readonly TypeCount[];
  readonly records: number;
  readonly messages: number;
  /** Expected duration at the requested rate, ms. */
  readonly expectedMs: number;
  readonly live: GenerationTotals;
  /** Recounted from this day on; null: all days. */
  readonly firstDay: string | null;
  /** Whether the topic lacks earlier days though nothing was removed from its beginning: it was made anew. */
  readonly isMadeAnew: boolean;
  /** Days of the live generation before `firstDay`, which are copied. */
  readonly copiedDays: readonly string[];
}

export interface GenerationTotals {
  readonly generation: number;
  readonly days: number;
  /** Number of rows: one for each product and day. */
  readonly totals: number;
  readonly pieces: number;
}

/** The service's comparison of the generations right before the swap. */
export interface Comparison {
  readonly live: GenerationTotals;
  readonly rebuilt: GenerationTotals;
  readonly differing: number;
  readonly examples: readonly { day: string; productId: number; live: number; rebuilt: number }[];
  readonly firstDay: string | null;
  /** Messages that the live group had not reached; the rebuilt generation already counts them. */
  readonly behind: number;
}

export interface RebuildSources {
  readonly log: Pick<KafkaAdmin, 'heldSince' | 'ranges' | 'readRuns'>;
  readonly sql: SqlReader;
  readonly codec: Pick<Codec, 'decode'>;
}

/** @param timeZone SHOP_TIME_ZONE of the ranking service */
export async function planRebuild(
  { log, sql, codec }: RebuildSources,
  perSecond: number,
  timeZone: string,
): Promise<RebuildPlan> {
  const group = groupNamed('ranking');
  const topics = [EVENTS['order-completed'].topic];
  const held = await log.heldSince(topics);
  const ranges = (await log.ranges(topics)).filter(({ from, to }) => from < to);
  const counts = typeCounts();
  const live = await readLive(sql);
  const beginning = watchBeginning({
    ...{ codec, dayOf: (at: number) => dayIn(timeZone, at), now: Date.now() },
    firstDay: (await firstLiveDay(sql, live.generation)) ?? undefined,
    type: 'order-completed',
    timeOf: (event) => (event.type === 'order-completed' ? event.data.completedAt : undefined),
  });
  let [records, messages] = [0, 0];
  await log.readRuns(ranges, async (run) => {
    records += run.length;
    for (const record of run) {
      if (!held) await beginning.add(record);
      if (!isFor(group, record.headers)) continue;
      messages += 1;
      counts.add(record);
    }
  });
  const since = held ?? beginning.since();
  const firstDay = since ? dayAfter(dayIn(timeZone, since.getTime() - 1)) : null;
  const copied = await sql.query<{ day: string }>(
    `SELECT DISTINCT DATE_FORMAT(business_day, '%Y-%m-%d') AS day FROM shop_ranking.daily_product_sales
      WHERE generation = ? AND business_day < ? ORDER BY day`,
    [live.generation, firstDay ?? '1000-01-01'],
  );
  return {
    ...{ ranges, types: counts.all(), records, messages, live, firstDay },
    isMadeAnew: since !== undefined && held === undefined,
    expectedMs: Math.round((messages * 1_000) / perSecond),
    copiedDays: copied.map(({ day }) => day),
  };
}

/** The request of a planned rebuild; ranking determines itself which records to read. */
export function rebuildRequest({ live, messages, types, firstDay, copiedDays }: RebuildPlan): Request {
  const plan = { live, messages, types, firstDay, copiedDays: copiedDays.length };
  return { kind: 'REBUILD', group: 'ranking', filters: { types: null, key: null }, ranges: [], plan };
}

/** The comparison of a rebuild; undefined before the swap. */
export async function readComparison(sql: SqlReader, ref: string): Promise<Comparison | undefined> {
  const [row] = await sql.query<{ comparison: string }>(
    'SELECT comparison FROM shop_ranking.ranking_rebuild WHERE replay_id = ? AND comparison IS NOT NULL',
    [parseRef(ref).id],
  );
  return row && (JSON.parse(row.comparison) as Comparison);
}

async function readLive(sql: SqlReader): Promise<GenerationTotals> {
  const [row] = await sql.query<GenerationTotals>(
    `SELECT s.live_generation AS generation, COUNT(DISTINCT d.business_day) AS days, COUNT(d.product_id) AS totals,
            CAST(COALESCE(SUM(d.quantity), 0) AS SIGNED) AS pieces
       FROM shop_ranking.ranking_state s LEFT JOIN shop_ranking.daily_product_sales d ON d.generation = s.live_generation
      WHERE s.id = 1 GROUP BY s.live_generation`,
  );
  return row ?? { generation: 1, days: 0, totals: 0, pieces: 0 };
}

async function firstLiveDay(sql: SqlReader, generation: number): Promise<string | null> {
  const [row] = await sql.query<{ day: string | null }>(
    `SELECT DATE_FORMAT(MIN(business_day), '%Y-%m-%d') AS day FROM shop_ranking.daily_product_sales
      WHERE generation = ? AND quantity <> 0`,
    [generation],
  );
  return row?.day ?? null;
}

function dayAfter(day: string): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
}
