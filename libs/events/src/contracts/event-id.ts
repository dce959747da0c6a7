import { hash as digest } from 'node:crypto';

/**
 * The id of an event that happens at most once an order. It is derived, so an event published twice (after a crash, or
 * from a restored backup) is one event to all consumers. A version 8 UUID (RFC 9562 §5.8): the 48 time bits of the
 * order's UUIDv7 in front, so that a week's inbox rows stay together, then bits of SHA-256(orderId, type).
 */
export function deriveEventId(orderId: string, type: string): string {
  const hash = digest('sha256', `${orderId}/${type}`, 'hex');
  const variant = ((Number.parseInt(hash.charAt(3), 16) & 0x3) | 0x8).toString(16);
  return `${orderId.slice(0, 13)}-8${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`;
}
