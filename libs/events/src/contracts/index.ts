export { parseAvro } from './avro.ts';
export { type Cause, causedBy, type NewEvent, type ReceivedEvent } from './event.ts';
export { deriveEventId } from './event-id.ts';
export { allTopics, EVENTS, type EventType, isEventType, publisherOf } from './event-table.ts';
export type * from './generated/types.ts';
export { createNewId } from './new-id.ts';
export { type Contract, loadContracts } from './schemas.ts';
