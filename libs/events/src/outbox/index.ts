export { type CommitHooks, createOutbox, type Envelope, envelopeOf, type Outbox } from './outbox.ts';
export { type PastEvent, type PublishedRows, pagesAfter } from './past-events.ts';
