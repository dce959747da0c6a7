import { INBOX_RETENTION_DAYS } from '@shop/events';
import { schemaOf } from '../../../services/services.ts';
import { type Check, sqlCheck } from './check.ts';
import { GROUPS } from './groups.ts';

const SCHEMAS = [...new Set(GROUPS.map((group) => schemaOf(group.service)))];
const each = (statement: (schema: string) => string): string => SCHEMAS.map(statement).join(' UNION ALL ');

/** Groups of which later messages of a key wait behind its dead letter. */
const PARKING = GROUPS.filter(({ parks }) => parks !== false)
  .map(({ group }) => `'${group}'`)
  .join(', ');
/**
 * Letters that keep their key parked. A key of 255 characters or more (UTF-16, as the services count) may be the
 * beginning of a longer one, which no key is parked for.
 */
const IN_FRONT = `d.status IN ('DEAD', 'REDRIVE') AND d.consumer_group IN (${PARKING}) AND LENGTH(CONVERT(d.message_key USING utf16)) < 2 * 255`;

/**
 * Letters whose row the inbox must still have. Letters are never removed, rows of inboxes are after some days; one day
 * less is a margin for clocks.
 */
const REMEMBERED = `d.status = 'REDRIVEN' AND d.resolved_at >= :since
            AND d.resolved_at >= UTC_TIMESTAMP(3) - INTERVAL ${INBOX_RETENTION_DAYS - 1} DAY`;

/** Invariants 9 and 12, as far as the messaging tables alone show them. */
export const messagingChecks: readonly Check[] = [
  sqlCheck({
    invariant: 9,
    name: 'nothing-is-stranded',
    title: 'what is parked has a dead letter in front of it, whose key is parked, and no key is parked for nothing',
    counted: `SELECT SUM(t.n) AS counted FROM (${each((schema) => `SELECT COUNT(*) AS n FROM ${schema}.parked_key`)}) t`,
    faults: `
      SELECT t.id, t.detail FROM (
        ${each(
          (schema) => `
          SELECT CONCAT(d.consumer_group, ': ', d.message_key) AS id, CONCAT(COALESCE(d.event_type, 'a message'), ' is ', d.status, ', but its key is not parked') AS detail
          FROM ${schema}.dead_letter d
          LEFT JOIN ${schema}.parked_key k ON k.consumer_group = d.consumer_group AND k.message_key = d.message_key
          WHERE k.message_key IS NULL AND (d.status = 'PARKED' OR (${IN_FRONT}))
          UNION ALL
          SELECT CONCAT(k.consumer_group, ': ', k.message_key), 'the key is parked, but nothing is in front'
          FROM ${schema}.parked_key k
          WHERE NOT EXISTS (SELECT 1 FROM ${schema}.dead_letter d WHERE d.consumer_group = k.consumer_group
                            AND d.message_key = k.message_key AND d.status IN ('DEAD', 'REDRIVE'))`,
        )}
      ) t`,
  }),
  sqlCheck({
    invariant: 9,
    name: 'redriven-was-applied',
    title: 'what was redriven lately is in its group’s inbox',
    counted: `SELECT SUM(t.n) AS counted FROM (${each((schema) => `SELECT COUNT(*) AS n FROM ${schema}.dead_letter d WHERE ${REMEMBERED}`)}) t`,
    faults: `
      SELECT t.id, t.detail FROM (
        ${each(
          (schema) => `
          SELECT CONCAT(d.consumer_group, ': ', d.id) AS id, CONCAT(COALESCE(d.event_type, 'a message'), ' ', d.event_id, ' is REDRIVEN, but was never applied') AS detail
          FROM ${schema}.dead_letter d
          LEFT JOIN ${schema}.processed_event e ON e.consumer_group = d.consumer_group AND e.event_id = d.event_id
          WHERE ${REMEMBERED} AND d.event_id IS NOT NULL AND e.event_id IS NULL AND COALESCE(d.resolution, '') NOT LIKE 'skipped%'`,
        )}
      ) t`,
  }),
];
