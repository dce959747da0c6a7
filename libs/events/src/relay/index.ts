export { POLL_MS, type Relay, type RelayOptions, startRelay } from './relay.ts';
export { createSqlRelayLock, type RelayLock } from './relay-lock.ts';
