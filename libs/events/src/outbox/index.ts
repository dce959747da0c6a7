export { type CommitHooks, createOutbox, type Outbox } from './outbox.ts';
