import type { Transaction } from '@shop/chassis';
import type { BusinessDay } from '../domain/business-day.ts';
import { inboxOf } from '../usecases/apply-sales.ts';
import type { Comparison, RebuildStore } from '../usecases/ports.ts';
import { readState } from './sales-store.ts';

/** Most rows merged or deleted at once. */
const CHUNK = 1_000;
/** Most differences listed one by one. */
const EXAMPLES = 20;

/** A rebuild's statements. A transaction that changes a generation's role locks ranking_state exclusively. */
export const sqlRebuildStore: RebuildStore = {
  lock: (tx) => readState(tx, 'FOR UPDATE'),
  share: (tx) => readState(tx, 'LOCK IN SHARE MODE'),

  async begin(tx, replayId, firstDay, at) {
    // Higher than any earlier generation, so that leftovers of an old one cannot be taken for it.
    const [row] = await tx.query<{ generation: number }>(
      `SELECT 1 + GREATEST((SELECT live_generation FROM ranking_state WHERE id = 1),
         COALESCE((SELECT MAX(generation) FROM daily_product_sales), 0),
         COALESCE((SELECT MAX(generation) FROM ranking_rebuild), 0)) AS generation`,
    );
    if (!row) throw new Error('ranking_state has no row');
    const { generation } = row;
    await tx.execute('INSERT INTO ranking_rebuild (generation, replay_id, begun_at) VALUES (?, ?, ?)', [
      generation,
      replayId,
      at,
    ]);
    await tx.execute(
      `UPDATE ranking_state SET next_generation = ?, first_day = ?, copied_day = NULL, replay_id = ?, updated_at = ? WHERE id = 1`,
      [generation, firstDay ?? null, replayId, at],
    );
    return generation;
  },

  async copyDay(tx, live, { generation, firstDay, copiedDay }, at) {
    if (firstDay === undefined) return false;
    const [row] = await tx.query<{ day: BusinessDay | null }>(
      `SELECT DATE_FORMAT(MIN(business_day), '%Y-%m-%d') AS day FROM daily_product_sales
        WHERE generation = ? AND business_day > ? AND business_day < ?`,
      [live, copiedDay ?? '1000-01-01', firstDay],
    );
    if (row?.day) {
      await tx.execute(
        `INSERT INTO daily_product_sales (generation, business_day, product_id, quantity, version, updated_at)
         SELECT ?, business_day, product_id, quantity, version, ? FROM daily_product_sales WHERE generation = ? AND business_day = ?`,
        [generation, at, live, row.day],
      );
    }
    await tx.execute(
      `UPDATE ranking_state SET copied_day = COALESCE(?, DATE_SUB(first_day, INTERVAL 1 DAY)), updated_at = ? WHERE id = 1`,
      [row?.day ?? null, at],
    );
    return Boolean(row?.day);
  },

  async firstDay(database) {
    const [row] = await database.query<{ day: BusinessDay | null }>(
      `SELECT DATE_FORMAT(MIN(d.business_day), '%Y-%m-%d') AS day FROM ranking_state s
         JOIN daily_product_sales d ON d.generation = s.live_generation WHERE s.id = 1 AND d.quantity <> 0`,
    );
    return row?.day ?? undefined;
  },

  async compare(database, live, rebuilt) {
    const totals = await database.query<Comparison['live']>(
      `SELECT generation, COUNT(DISTINCT business_day) AS days, COUNT(*) AS totals, CAST(SUM(quantity) AS SIGNED) AS pieces
         FROM daily_product_sales WHERE generation IN (?, ?) GROUP BY generation`,
      [live, rebuilt],
    );
    // One statement, so that both generations are read at the same moment.
    const differences = await database.query<Comparison['examples'][number] & { differing: number }>(
      `SELECT DATE_FORMAT(business_day, '%Y-%m-%d') AS day, product_id AS productId, CAST(live AS SIGNED) AS live,
              CAST(rebuilt AS SIGNED) AS rebuilt, COUNT(*) OVER () AS differing
         FROM (SELECT business_day, product_id, SUM(IF(generation = ?, quantity, 0)) AS live, SUM(IF(generation = ?, quantity, 0)) AS rebuilt
                 FROM daily_product_sales WHERE generation IN (?, ?) GROUP BY business_day, product_id) AS sums
        WHERE live <> rebuilt ORDER BY business_day DESC, product_id LIMIT ${EXAMPLES}`,
      [live, rebuilt, live, rebuilt],
    );
    const of = (generation: number) =>
      totals.find((it) => it.generation === generation) ?? { generation, days: 0, totals: 0, pieces: 0 };
    return {
      live: of(live),
      rebuilt: of(rebuilt),
      differing: differences[0]?.differing ?? 0,
      examples: differences.map(({ differing: _, ...example }) => example),
    };
  },

  async takeLetters(tx, generation) {
    const inbox = inboxOf(generation);
    const lacking = await tx.query<{ position: string }>(
      `SELECT CONCAT(d.topic, '/', d.\`partition\`, ' at ', d.\`offset\`, ': ', LEFT(COALESCE(d.error, ''), 200)) AS position
         FROM dead_letter d JOIN processed_event p ON p.consumer_group = 'ranking' AND p.event_id = d.event_id
        WHERE d.consumer_group = ? LIMIT 3`,
      [inbox],
    );
    if (lacking.length > 0) return lacking.map(({ position }) => position);
    // A letter of another event at the same position is of a log that was deleted: it makes room.
    await tx.execute(
      `UPDATE dead_letter old JOIN dead_letter new USING (topic, \`partition\`, \`offset\`)
          SET old.\`offset\` = old.id, old.\`partition\` = -2
        WHERE old.consumer_group = 'ranking' AND new.consumer_group = ? AND NOT old.event_id <=> new.event_id`,
      [inbox],
    );
    // IGNORE: where the live group has set the same message aside, its own row stays.
    await tx.execute(`UPDATE IGNORE dead_letter SET consumer_group = 'ranking' WHERE consumer_group = ?`, [inbox]);
    return [];
  },

  async swap(tx, generation, comparison, at) {
    await tx.execute('UPDATE ranking_state SET live_generation = ?, updated_at = ? WHERE id = 1', [generation, at]);
    await tx.execute('UPDATE ranking_rebuild SET comparison = ?, swapped_at = ? WHERE generation = ?', [
      JSON.stringify(comparison),
      at,
      generation,
    ]);
  },

  async end(tx, at) {
    await tx.execute(
      `UPDATE ranking_state SET next_generation = NULL, first_day = NULL, copied_day = NULL, replay_id = NULL, updated_at = ? WHERE id = 1`,
      [at],
    );
  },

  async merge(database, generation, after) {
    const [last] = await database.query<{ id: string | null }>(
      `SELECT MAX(event_id) AS id FROM (SELECT event_id FROM processed_event
         WHERE consumer_group = ? AND event_id > ? ORDER BY event_id LIMIT ${CHUNK}) AS piece`,
      [inboxOf(generation), after],
    );
    if (!last?.id) return undefined;
    await database.execute(
      `INSERT IGNORE INTO processed_event (consumer_group, event_id, claim, processed_at)
       SELECT 'ranking', event_id, claim, processed_at FROM processed_event
        WHERE consumer_group = ? AND event_id > ? AND event_id <= ? ORDER BY event_id`,
      [inboxOf(generation), after, last.id],
    );
    return last.id;
  },

  async leftovers(database) {
    const known = await database.query<{ generation: number }>(
      `SELECT DISTINCT generation FROM daily_product_sales WHERE generation < (SELECT live_generation FROM ranking_state WHERE id = 1)
       UNION SELECT r.generation FROM ranking_rebuild r JOIN ranking_state s ON s.id = 1 AND s.live_generation <> r.generation
              WHERE EXISTS (SELECT 1 FROM daily_product_sales d WHERE d.generation = r.generation)
       UNION SELECT DISTINCT CAST(SUBSTRING(consumer_group, 9) AS SIGNED) FROM processed_event WHERE consumer_group LIKE 'ranking@%'
       UNION SELECT DISTINCT CAST(SUBSTRING(consumer_group, 9) AS SIGNED) FROM dead_letter WHERE consumer_group LIKE 'ranking@%'`,
    );
    return known.map(({ generation }) => generation);
  },

  async removePiece(tx, generation) {
    const { live, next } = await readState(tx, 'LOCK IN SHARE MODE');
    // Once a live generation is no longer `next`, its inbox has been merged.
    if (next?.generation === generation) return 0;
    const inbox = inboxOf(generation);
    const sales = generation === live ? 0 : await removeFrom(tx, 'daily_product_sales', 'generation', generation);
    const ids = await removeFrom(tx, 'processed_event', 'consumer_group', inbox);
    return sales + ids + (await removeFrom(tx, 'dead_letter', 'consumer_group', inbox));
  },
};

async function removeFrom(tx: Transaction, table: string, column: string, value: string | number): Promise<number> {
  const { affectedRows } = await tx.execute(`DELETE FROM ${table} WHERE ${column} = ? LIMIT ${CHUNK}`, [value]);
  return affectedRows;
}
