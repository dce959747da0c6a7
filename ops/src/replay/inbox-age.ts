import { INBOX_RETENTION_DAYS } from '@shop/events';
import { WishError } from './wish-error.ts';

const DAY_MS = 86_400_000;
/** One day is left for a replay to begin and to come to its end: the inbox forgets meanwhile. */
const OLDEST_DAYS = INBOX_RETENTION_DAYS - 1;

/**
 * A replay of what the inbox no longer remembers would apply it a second time. (A recovery applies facts, each unless
 * it is there, and a rebuild has an inbox of its own: neither asks for this.)
 * @throws WishError when `from` lies so far back
 */
export function refuseBeyondInbox(from: Date, now = new Date()): void {
  const oldest = new Date(now.getTime() - OLDEST_DAYS * DAY_MS);
  if (from >= oldest) return;
  throw new WishError(
    `--from ${from.toISOString()} is too long ago: inboxes remember ${INBOX_RETENTION_DAYS} days, and what they have forgotten would be applied twice. The earliest is ${oldest.toISOString()}.`,
  );
}
