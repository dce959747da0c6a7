import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors/index.ts';

/** How often each stream says that it lives, s: sooner than any proxy takes it for dead. */
const HEARTBEAT_SECONDS = 15;
/** What a reader may leave unread, beyond what the kernel holds for it, bytes. */
const MAX_BUFFERED = 64 * 1024;
/** How long a reader may take to fetch the rest of a stream that has ended, ms. */
const LINGER_MS = 10_000;
/** Clients come back after so long, ms, at random: those that lost one server do not come all at once. */
const RETRY_MS = { from: 500, to: 1_500 };

const HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // For nginx and its kin: pass on what comes.
  'X-Accel-Buffering': 'no',
};

/**
 * One response that is a stream of server-sent events. Its place is given back when the response closes, however it
 * closes.
 */
export interface EventStream {
  /**
   * Sends the head at once, `retry:`, and `events` with it.
   * @throws {DomainError} SERVICE_UNAVAILABLE when the process stops
   */
  start(events?: string): void;
  /** `events`: whole events as they go over the wire. Breaks the connection of a reader that is too far behind. */
  send(events: string): void;
  end(): void;
}

/** The event streams of this process. */
export interface EventStreams {
  /**
   * Takes a place for a response, before anything is read for it.
   * @throws {DomainError} SERVICE_UNAVAILABLE when as many streams are open as may be, or when the process stops
   */
  enter(response: ServerResponse): EventStream;
  readonly open: number;
  /** Ends every stream, so that its client comes back elsewhere; takes no more. */
  close(): void;
}

/** Heartbeats need one timer for all, and none while no stream is open. */
// One function: a stream and the set of all streams change together.
export function createEventStreams({ maxStreams }: { readonly maxStreams: number }): EventStreams {
  const responses = new Set<ServerResponse>();
  // Every second another part of them, rather than all at once.
  const beats = Array.from({ length: HEARTBEAT_SECONDS }, () => new Set<ServerResponse>());
  let second = 0;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  function beat(): void {
    second = (second + 1) % HEARTBEAT_SECONDS;
    for (const response of beats[second] ?? []) write(response, ':\n\n');
  }

  function leave(response: ServerResponse): void {
    if (!responses.delete(response) || responses.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    enter(response) {
      if (closed) throw stopping();
      if (responses.size >= maxStreams) {
        throw new DomainError('SERVICE_UNAVAILABLE', 'Too many streams are open.', { retryAfterSeconds: 2 });
      }
      const slot = beats[second];
      // Of a client that has left already nothing will be heard any more.
      if (!response.closed) {
        responses.add(response);
        timer ??= setInterval(beat, 1_000);
        response.once('close', () => {
          slot?.delete(response);
          leave(response);
        });
      }

      return {
        start(events = '') {
          if (closed) throw stopping();
          if (response.closed) return;
          const retryMs = Math.round(RETRY_MS.from + Math.random() * (RETRY_MS.to - RETRY_MS.from));
          response.writeHead(200, HEAD);
          write(response, `retry: ${retryMs}\n\n${events}`);
          slot?.add(response);
        },
        send: (events) => write(response, events),
        end() {
          slot?.delete(response);
          end(response);
        },
      };
    },
    get open() {
      return responses.size;
    },
    close() {
      closed = true;
      for (const response of responses) if (response.headersSent) end(response);
    },
  };
}

function stopping(): DomainError {
  return new DomainError('SERVICE_UNAVAILABLE', 'The service is stopping.');
}

function write(response: ServerResponse, text: string): void {
  if (response.writableEnded || response.destroyed) return;
  // What was written before and is still here; not this text, which may be long and is here for a moment in any case.
  if (response.writableLength > MAX_BUFFERED) response.destroy();
  else response.write(text);
}

function end(response: ServerResponse): void {
  if (response.writableEnded || response.destroyed) return;
  response.end();
  const linger = setTimeout(() => response.destroy(), LINGER_MS);
  response.once('close', () => clearTimeout(linger));
}
