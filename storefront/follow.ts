import { authorized, pause, problemOf, reach } from './api.ts';
import { createEventParser, type ServerEvent } from './event-stream.ts';
import { retryAfterS, spread } from './retry-after.ts';

const RETRY_MS = 1_000;
/** A refused stream is asked for again within this time, s, however long it was told to wait: the end may be near. */
const MAX_WAIT_S = 60;
/** However soon a stream wants to be opened again, ms. */
const MIN_RETRY_MS = 500;

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly lastEventId?: string;
  /** Called after each attempt without a stream: whether the end is known in another way. */
  readonly meanwhile?: () => Promise<boolean>;
}

/**
 * Follows a stream of events, after `lastEventId`, until `told` says that an event was the last, the stream has ended
 * for good, or `signal` aborts. A broken connection is resumed at the last event. EventSource could do the same, but
 * sends no token.
 * @throws {Problem} when the stream cannot be followed: not signed in, not there
 */
export async function followEvents(
  path: string,
  { signal, lastEventId = '', meanwhile }: FollowOptions,
  told: (event: ServerEvent) => boolean,
): Promise<void> {
  let last = lastEventId;
  let retryMs = RETRY_MS;
  let over = false;
  while (!over && !signal.aborted) {
    try {
      const headers = authorized();
      headers.set('accept', 'text/event-stream');
      if (last) headers.set('last-event-id', last);
      const response = await reach(path, { headers, signal });
      // 204: no more events will come.
      if (response.status === 204) return;
      if (!response.ok || !response.body) {
        const problem = problemOf(response, await response.json().catch(() => undefined), headers);
        if (response.status < 500 && response.status !== 429) throw problem;
        retryMs = spread(Math.min(retryAfterS(response.headers), MAX_WAIT_S));
      } else {
        const parse = createEventParser();
        for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
          const { events, retryMs: asked } = parse(text);
          if (asked !== undefined) retryMs = Math.max(MIN_RETRY_MS, asked);
          for (const event of events) {
            last = event.id;
            over = told(event) || over;
          }
          // Leaves a connection that something else keeps open: the caller must not wait for its end.
          if (over) break;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && 'status' in error && error.status !== 0) throw error;
      // The connection broke: the next one resumes after `last`.
    }
    if (!over && meanwhile) over = await meanwhile().catch(() => false);
    if (!over) await pause(retryMs, signal).catch(() => undefined);
  }
}
