import { isDatabaseError, isDataError, isDeadlock, isDuplicateKey, isLockTimeout } from '@shop/chassis';
import { OutageError } from './errors.ts';

/**
 * What a failure says about the work that met it:
 * - `outage`: something needed is away; the work is fine, wait.
 * - `conflict`: a deadlock or lock time-out; at once again.
 * - `duplicate`: a row appeared between looking and inserting; at once again, which finds it. Persistent: poison.
 * - `poison`: the work itself fails and will again.
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
  // Any database error but those of data and constraints: a full disk, a server that stops, a missing table.
  if (isDatabaseError(error)) return isDataError(error) ? 'poison' : 'outage';
  return isAway(error) ? 'outage' : 'poison';
}

function isAway(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > 4) return false;
  if (error instanceof OutageError || error.name.startsWith('KafkaJS')) return true;
  if ('code' in error && typeof error.code === 'string' && AWAY.has(error.code)) return true;
  return isAway(error.cause, depth + 1);
}
