import type { SqlExecutor, SqlValue } from '@shop/chassis';
import { type MemoryTransaction, UnknownStatement } from './memory-database.ts';
import { type DeadLetter, type MessagingTables, positionOf } from './memory-messaging-store.ts';

type Params = readonly SqlValue[];

const OPEN: ReadonlySet<string> = new Set(['DEAD', 'PARKED', 'REDRIVE']);

/**
 * The statements of the redriver of @shop/events, on memory, so that the real code runs. An unknown statement fails
 * loudly here. Keyed letters only: the simulation has no others.
 */
export function redriveSql(tables: MessagingTables, tx: MemoryTransaction): SqlExecutor {
  const letters = () => tx.scan(tables.deadLetters).sort((a, b) => a.id - b.id);
  const ofKey = (group: SqlValue | undefined, key: SqlValue | undefined) =>
    letters().filter((letter) => letter.group === group && letter.record.key === key);
  const isOpen = (letter: DeadLetter) => OPEN.has(letter.status);
  const update = async (id: SqlValue | undefined, change: (letter: DeadLetter) => Partial<DeadLetter>) => {
    const known = letters().find((it) => it.id === id);
    // Locked first, then read again: another redriver may have been quicker.
    const [letter] = known ? await tx.lock(tables.deadLetters, [positionOf(known)]) : [];
    if (letter) await tx.put(tables.deadLetters, positionOf(letter), { ...letter, ...change(letter) });
    return { affectedRows: letter ? 1 : 0, insertId: 0 };
  };

  const queries: readonly (readonly [start: string, run: (params: Params) => Promise<unknown[]> | unknown[]])[] = [
    [
      "(SELECT id, consumer_group, message_key FROM dead_letter WHERE status = 'REDRIVE'",
      (groups) =>
        letters()
          .filter((letter) => letter.status === 'REDRIVE' && groups.includes(letter.group))
          .map(({ id, group, record }) => ({ id, consumer_group: group, message_key: record.key })),
    ],
    [
      'SELECT p.consumer_group, p.message_key FROM parked_key p',
      (groups) =>
        tx
          .scan(tables.parkedKeys)
          .filter(({ group, key }) => {
            const waits = ofKey(group, key).some(({ status }) => status === 'DEAD' || status === 'REDRIVE');
            return groups.includes(group) && !waits;
          })
          .map(({ group, key }) => ({ consumer_group: group, message_key: key })),
    ],
    ['SELECT 1 FROM parked_key', ([group, key]) => tx.lock(tables.parkedKeys, [`${group}/${key}`])],
    [
      'SELECT id, status, attempts, topic,',
      async ([group, key]) => {
        for (const { id } of ofKey(group, key).filter(isOpen)) {
          // Locked first, then read again: another redriver may have been quicker.
          const position = positionOf(letters().find((letter) => letter.id === id) as DeadLetter);
          const [letter] = await tx.lock(tables.deadLetters, [position]);
          if (letter && isOpen(letter)) return [toRow(letter)];
        }
        return [];
      },
    ],
    ['SELECT 1 FROM dead_letter', ([group, key]) => ofKey(group, key).filter(isOpen).slice(0, 1)],
  ];

  const changes: readonly (readonly [start: string, run: (params: Params) => ReturnType<SqlExecutor['execute']>])[] = [
    [
      'INSERT IGNORE INTO processed_event',
      async ([, , group, key]) => {
        for (const { status, eventId } of ofKey(group, key)) {
          if (status !== 'DISCARDED' || eventId === null) continue;
          const row = { group: String(group), eventId };
          await tx.insertIgnore(tables.processedEvents, `${row.group}/${eventId}`, row);
        }
        return { affectedRows: 0, insertId: 0 };
      },
    ],
    [
      "UPDATE dead_letter SET status = 'REDRIVEN'",
      ([, , id]) => update(id, ({ attempts }) => ({ status: 'REDRIVEN', attempts: attempts + 1 })),
    ],
    [
      "UPDATE dead_letter SET status = 'DEAD'",
      ([, error, , id, attempts]) =>
        update(id, (letter) =>
          isOpen(letter) && letter.attempts === attempts
            ? { status: 'DEAD', error: String(error), attempts: letter.attempts + 1 }
            : {},
        ),
    ],
    [
      'DELETE FROM parked_key',
      async ([group, key]) => {
        await tx.put(tables.parkedKeys, `${group}/${key}`, undefined);
        return { affectedRows: 1, insertId: 0 };
      },
    ],
  ];

  const find = <Run>(known: readonly (readonly [string, Run])[], sql: string): Run => {
    const text = sql.replace(/\s+/g, ' ').trim();
    const run = known.find(([start]) => text.startsWith(start))?.[1];
    if (!run) throw new UnknownStatement(text);
    return run;
  };
  return {
    async query<Row>(sql: string, params: Params = []) {
      await tx.statement(sql.slice(0, 60).replace(/\s+/g, ' '));
      return (await find(queries, sql)(params)) as Row[];
    },
    async execute(sql, params = []) {
      await tx.statement(sql.slice(0, 60).replace(/\s+/g, ' '));
      return await find(changes, sql)(params);
    },
  };
}

function toRow({ id, status, attempts, record }: DeadLetter) {
  const { topic, partition, offset, key, value, headers, timestamp } = record;
  return {
    id,
    status,
    attempts,
    topic,
    partition,
    offset: Number(offset),
    message_key: key,
    payload: value,
    headers: JSON.stringify(headers),
    failed_at: new Date(timestamp),
  };
}
