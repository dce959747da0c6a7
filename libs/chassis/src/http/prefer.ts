/** The longest wait that is granted, s. */
const MAX_WAIT_SECONDS = 30;

/**
 * The seconds a client prefers to wait for the end of its order (RFC 7240: `Prefer: wait=10`), at most 30. Undefined
 * when it has no such preference, or one that cannot be understood: a preference is never an error.
 */
export function preferredWait(header: string | undefined): number | undefined {
  if (!header) return undefined;
  for (const preference of header.split(',')) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference);
    if (match) return Math.min(Number(match[1]), MAX_WAIT_SECONDS);
  }
  return undefined;
}
