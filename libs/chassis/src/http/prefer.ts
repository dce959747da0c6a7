/** The longest wait granted, s. */
const MAX_WAIT_SECONDS = 30;

/**
 * The seconds a client is willing to wait for the end of its order (RFC 7240: `Prefer: wait=10`), at most 30. Undefined
 * when there is no such preference or it is malformed: a preference is never an error.
 */
export function preferredWait(header: string | undefined): number | undefined {
  if (!header) return undefined;
  for (const preference of header.split(',')) {
    const match = /^\s*wait\s*=\s*"?(\d{1,9})"?\s*(?:;.*)?$/i.exec(preference);
    if (match) return Math.min(Number(match[1]), MAX_WAIT_SECONDS);
  }
  return undefined;
}
