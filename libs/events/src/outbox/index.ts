export { type CommitHooks, createOutbox, type Outbox, type OutboxOptions } from './outbox.ts';
