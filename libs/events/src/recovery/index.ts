export { type Recovered, recover } from './recovery.ts';
export { FactsIncompleteError, type OwnFacts, RecoveryError } from './recovery-options.ts';
export { type RecoverableService, recoverWhenAsked } from './recovery-start.ts';
