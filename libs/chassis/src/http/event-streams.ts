import type { ServerResponse } from 'node:http';
import { DomainError } from '../errors/index.ts';

/** Heartbeat interval of each stream, s: shorter than the idle time-out of any proxy. */
const HEARTBEAT_SECONDS = 15;
/** Most unread data of a client, beyond the kernel's buffer, bytes. */
const MAX_BUFFERED = 64 * 1024;
/** How long a client may take to read the rest of an ended stream, ms. */
const LINGER_MS = 10_000;
/**
 * Clients reconnect after a random time in this range, ms, so that those of a lost server do not return all at once.
 */
const RETRY_MS = { from: 500, to: 1_500 };

const HEAD = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-store',
  // Tells nginx and similar proxies to forward without buffering.
  'X-Accel-Buffering': 'no',
};

/** One response that is a stream of server-sent events. Its place is freed when the response closes, for any reason. */
export interface EventStream {
  /**
   * Sends the head at once, `retry:`, and `events` with it.
   * @throws {DomainError} SERVICE_UNAVAILABLE when the process stops
   */
  start(events?: string): void;
  /** Sends whole events in wire format. Breaks the connection of a client that is too far behind. */
  send(events: string): void;
  end(): void;
}

/** The event streams of this process. */
export interface EventStreams {
  /**
   * Takes a place for a response, before anything is read for it.
   * @throws {DomainError} SERVICE_UNAVAILABLE at the limit of open streams, or when the process stops
   */
  enter(response: ServerResponse): EventStream;
  readonly open: number;
  /** Ends every stream, so that its client reconnects to another instance; accepts no more. */
  close(): void;
}

/** Heartbeats share one timer, which runs only while a stream is open. */
// One function: a stream and the set of all streams change together.
export function createEventStreams({ maxStreams }: { readonly maxStreams: number }): EventStreams {
  const responses = new Set<ServerResponse>();
  // Each second another part of the streams gets its heartbeat, rather than all at once.
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
      // A response that is closed already has no further event to remove it.
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
  // Counts only text written before and still buffered: the new text may be long and is buffered briefly in any case.
  if (response.writableLength > MAX_BUFFERED) response.destroy();
  else response.write(text);
}

function end(response: ServerResponse): void {
  if (response.writableEnded || response.destroyed) return;
  response.end();
  const linger = setTimeout(() => response.destroy(), LINGER_MS);
  response.once('close', () => clearTimeout(linger));
}
