export { type BeginningOptions, watchBeginning } from './beginning.ts';
export type { Rebuild, RebuildTools, RebuildWork } from './rebuild.ts';
export { anyEvents, createReplayApplier, ReplayCancelledError, readSetAside } from './replay-apply.ts';
export { lagOf, slicesOf } from './replay-run.ts';
export { finishReplay, isOpen, lockReplay, type ReplayCounts, resetReplay } from './replay-store.ts';
export { type ReplayerOptions, startReplayer } from './replayer.ts';
