export { openLiveMark, someoneIsLive } from './live-mark.ts';
export { POLL_MS, type Relay, startRelay } from './relay.ts';
export { createSqlRelayLock, type RelayLock } from './relay-lock.ts';
export { sendAfter } from './send-after.ts';
