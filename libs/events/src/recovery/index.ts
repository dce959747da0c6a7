export { recover } from './recovery.ts';
export {
  FactsIncompleteError,
  type OwnFacts,
  type RecoveryFence,
  type RecoverySubscription,
  type ReplayedGroup,
} from './recovery-options.ts';
export { recoverWhenAsked } from './recovery-start.ts';
export { recoveryPlan } from './recovery-store.ts';
