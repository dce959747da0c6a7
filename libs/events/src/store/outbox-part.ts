import type { NumberedRow, OutboxChoice, OutboxPart } from './messaging-store.ts';

/** Whether the part holds the row. */
export function isIn(part: OutboxPart, { topic, key }: Pick<NumberedRow, 'topic' | 'key'>): boolean {
  return part.topic === topic && (part.key === undefined || part.key === key);
}

export function isChosen({ only, except = [] }: OutboxChoice, row: Pick<NumberedRow, 'topic' | 'key'>): boolean {
  return (only === undefined || isIn(only, row)) && !except.some((part) => isIn(part, row));
}

/** The choice as a condition of SQL on the table `outbox`, with its parameters. */
export function toCondition({ only, except = [] }: OutboxChoice): { sql: string; params: string[] } {
  const parts = [...(only ? [only] : []), ...except];
  const words = [...(only ? [toSql(only)] : []), ...except.map((part) => `NOT ${toSql(part)}`)];
  return {
    sql: words.length > 0 ? words.join(' AND ') : 'TRUE',
    // A missing key is stored as empty text.
    params: parts.flatMap(({ topic, key }) => (key === undefined ? [topic] : [topic, key ?? ''])),
  };
}

function toSql({ key }: OutboxPart): string {
  return key === undefined ? '(aggregatetype = ?)' : '(aggregatetype = ? AND aggregateid = ?)';
}
