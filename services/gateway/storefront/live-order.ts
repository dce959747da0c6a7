import { authorized, pause, problemOf, reach } from './api.ts';
import { createEventParser } from './event-stream.ts';
import type { OrderEvent } from './types.ts';

const RETRY_MS = 1_000;

/**
 * Follows an order's events, from the one after `lastEventId` on, until the stream has ended for good or `signal` aborts.
 * A connection that breaks is taken up again where it was. EventSource could do that, but sends no token.
 * @throws {Problem} when the order cannot be followed: not signed in, not one's own
 */
export async function followOrder(
  orderId: string,
  told: (event: OrderEvent) => void,
  { signal, lastEventId = '' }: { readonly signal: AbortSignal; readonly lastEventId?: string },
): Promise<void> {
  let last = lastEventId;
  let retryMs = RETRY_MS;
  let over = false;
  while (!over && !signal.aborted) {
    try {
      const headers = authorized();
      headers.set('accept', 'text/event-stream');
      if (last) headers.set('last-event-id', last);
      const response = await reach(`/orders/${orderId}/events`, { headers, signal });
      // Nothing more will come.
      if (response.status === 204) return;
      if (!response.ok || !response.body) {
        const problem = problemOf(response, await response.json().catch(() => undefined));
        if (response.status < 500 && response.status !== 429) throw problem;
        retryMs = Math.max(RETRY_MS, Number(problem.body.retryAfter) * 1000);
      } else {
        const parse = createEventParser();
        for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
          const { events, retryMs: asked } = parse(text);
          retryMs = asked ?? retryMs;
          for (const { id, data } of events) {
            last = id;
            const event = JSON.parse(data) as OrderEvent;
            over = event.type === 'order-completed' || event.type === 'order-cancelled';
            told(event);
          }
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && 'status' in error && error.status !== 0) throw error;
      // The connection broke: the next one goes on from `last`.
    }
    if (!over) await pause(retryMs, signal).catch(() => undefined);
  }
}
