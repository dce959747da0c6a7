export { canPark, deadLetter, eventIdOf, letterIdOf, mirrorRow, parkedLetter } from './dead-letter.ts';
export { FORMER_LOG, isSameMessage, leavePositions } from './former-log.ts';
export type * from './messaging-store.ts';
export { type MissedEvent, setMissedBefore } from './missed-events.ts';
export { isChosen, isIn } from './outbox-part.ts';
export { INBOX_RETENTION_DAYS, lowestIdAt, purgeInbox } from './purge.ts';
export { REPUBLISHED, rememberLonger, sendAgain } from './sent-again.ts';
export { createSqlMessagingStore, type SqlMessagingStore } from './sql-messaging-store.ts';
