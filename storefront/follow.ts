import { authorized, pause, problemOf, reach } from './api.ts';
import { createEventParser, type ServerEvent } from './event-stream.ts';

const RETRY_MS = 1_000;

export interface FollowOptions {
  readonly signal: AbortSignal;
  readonly lastEventId?: string;
  /** Asked after each time that there was no stream: whether all is over, known in another way. */
  readonly meanwhile?: () => Promise<boolean>;
}

/**
 * Follows a stream of events, from the one after `lastEventId` on, until `told` says that it was the last, the stream
 * has ended for good, or `signal` aborts. A connection that breaks is taken up again where it was. EventSource could do
 * that, but sends no token.
 * @throws {Problem} when it cannot be followed: not signed in, not there
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
          for (const event of events) {
            last = event.id;
            over = told(event) || over;
          }
          // Whatever holds the connection open: who waits for this to end need not wait for that.
          if (over) break;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Error && 'status' in error && error.status !== 0) throw error;
      // The connection broke: the next one goes on from `last`.
    }
    if (!over && meanwhile) over = await meanwhile().catch(() => false);
    if (!over) await pause(retryMs, signal).catch(() => undefined);
  }
}
