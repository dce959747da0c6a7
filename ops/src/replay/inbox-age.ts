import { INBOX_RETENTION_DAYS } from '@shop/events';
import { WishError } from './wish-error.ts';

const DAY_MS = 86_400_000;
/** A day less than the inbox remembers, for the replay to start and finish: the inbox forgets meanwhile. */
const OLDEST_DAYS = INBOX_RETENTION_DAYS - 1;

/**
 * A replay of events that the inbox no longer remembers would apply them a second time. (A recovery checks each fact,
 * and a rebuild has its own inbox: neither needs this check.)
 * @throws WishError when `from` lies so far back
 */
export function refuseBeyondInbox(from: Date, now = new Date()): void {
  const oldest = new Date(now.getTime() - OLDEST_DAYS * DAY_MS);
  if (from >= oldest) return;
  throw new WishError(
    `--from ${from.toISOString()} is too long ago: inboxes remember ${INBOX_RETENTION_DAYS} days, and what they have forgotten would be applied twice. The earliest is ${oldest.toISOString()}.`,
  );
}
