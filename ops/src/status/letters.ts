import { SERVICE_NAMES, schemaOf } from '../../../services/services.ts';
import { WAITING } from '../audit/groups.ts';
import type { SqlReader } from '../sql.ts';

/** The dead letters of a group that wait for an operator or for their turn. */
export interface OpenLetters {
  readonly group: string;
  readonly dead: number;
  readonly parked: number;
  readonly redriving: number;
  /** Age of the oldest of them, ms. */
  readonly oldestMs: number;
}

/** Every group that has open dead letters. */
export async function readOpenLetters(sql: SqlReader): Promise<OpenLetters[]> {
  const letters: OpenLetters[] = [];
  for (const service of SERVICE_NAMES) {
    letters.push(
      ...(await sql.query<OpenLetters>(
        `SELECT consumer_group AS \`group\`, SUM(status = 'DEAD') AS dead, SUM(status = 'PARKED') AS parked, SUM(status = 'REDRIVE') AS redriving,
           TIMESTAMPDIFF(MICROSECOND, MIN(failed_at), UTC_TIMESTAMP(3)) DIV 1000 AS oldestMs
         FROM ${schemaOf(service)}.dead_letter WHERE status IN (?) GROUP BY consumer_group`,
        [[...WAITING]],
      )),
    );
  }
  return letters;
}
