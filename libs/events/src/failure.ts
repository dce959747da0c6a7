import { isDatabaseError, isDataError, isDeadlock, isDuplicateKey, isLockTimeout } from '@shop/chassis';
import { OutageError } from './errors.ts';

/**
 * Classifies a failure by its meaning for the failed work:
 * - `outage`: a dependency is away; the work is fine, wait.
 * - `conflict`: a deadlock or lock time-out; retry at once.
 * - `duplicate`: a row appeared between reading and inserting; retry at once, which finds it. If it persists: poison.
 * - `poison`: the work itself fails and will fail again.
 */
export type FailureKind = 'outage' | 'conflict' | 'duplicate' | 'poison';

const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ENOSPC',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_SOCKET',
]);

export function classify(error: unknown): FailureKind {
  if (isDeadlock(error) || isLockTimeout(error)) return 'conflict';
  if (isDuplicateKey(error)) return 'duplicate';
  // Any database error except those of data and constraints: a full disk, a stopping server, a missing table.
  if (isDatabaseError(error)) return isDataError(error) ? 'poison' : 'outage';
  return isAway(error) ? 'outage' : 'poison';
}

function isAway(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false;
  if (error instanceof OutageError || error.name.startsWith('KafkaJS')) return true;
  if ('code' in error && typeof error.code === 'string' && AWAY.has(error.code)) return true;
  return isAway(error.cause, depth + 1);
}
