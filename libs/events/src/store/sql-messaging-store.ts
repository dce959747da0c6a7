import type { Database, Transaction } from '@shop/chassis';
import type { MessagingStore } from './messaging-store.ts';
import { createSqlDeadLetters } from './sql-dead-letters.ts';
import { createSqlInbox } from './sql-inbox.ts';
import { createSqlOutbox, type SqlOutbox } from './sql-outbox.ts';

/** The messaging tables (sql/messaging.sql) of a service's own schema. */
export type SqlMessagingStore = MessagingStore<Transaction> & Pick<SqlOutbox, 'outboxBacklog'>;

export function createSqlMessagingStore(database: Database): SqlMessagingStore {
  return {
    transaction: (work) => database.transaction(work),
    ...createSqlOutbox(database),
    ...createSqlInbox(database),
    ...createSqlDeadLetters(database),
  };
}
