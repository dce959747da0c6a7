import { createReadStream, mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface PlatformEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data: object;
}

/** Keeps every event once, by its id, in an append-only file of lines. */
export interface EventFile {
  readonly count: number;
  /** Resolves once the new events are on disk. @returns the number of new events */
  append(batch: readonly PlatformEvent[]): Promise<number>;
  /** Ids from a position on, in the order of arrival. */
  ids(from: number, limit: number): string[];
  close(): Promise<void>;
}

const NEWLINE = 0x0a;

/**
 * Opens or creates the file. An incomplete last line, from a process killed while writing, was never acknowledged and
 * is cut off.
 */
export async function openEvents(path: string): Promise<EventFile> {
  mkdirSync(dirname(path), { recursive: true });
  const file = await open(path, 'a+');
  const order: string[] = [];
  const known = new Set<string>();
  let size = await readLines(path, (line) => note((JSON.parse(line) as PlatformEvent).id));
  await file.truncate(size);
  let last: Promise<unknown> = Promise.resolve();

  function note(id: string): void {
    known.add(id);
    order.push(id);
  }

  async function write(batch: readonly PlatformEvent[]): Promise<number> {
    const fresh = new Map<string, PlatformEvent>();
    for (const event of batch) if (!known.has(event.id)) fresh.set(event.id, event);
    if (fresh.size === 0) return 0;
    const lines = Buffer.from([...fresh.values()].map((event) => `${JSON.stringify(event)}\n`).join(''));
    try {
      await file.appendFile(lines);
      await file.datasync();
    } catch (error) {
      // No event of the batch is acknowledged, so none is kept.
      await file.truncate(size);
      throw error;
    }
    size += lines.length;
    for (const id of fresh.keys()) note(id);
    return fresh.size;
  }

  return {
    get count() {
      return order.length;
    },
    append(batch) {
      // Batches are written one after the other, since new events are told by those written.
      const written = last.then(() => write(batch));
      last = written.catch(() => undefined);
      return written;
    },
    ids: (from, limit) => order.slice(from, from + limit),
    async close() {
      await last;
      await file.close();
    },
  };
}

/** @returns the length of the file up to the end of its last whole line */
async function readLines(path: string, each: (line: string) => void): Promise<number> {
  let rest = Buffer.alloc(0);
  let whole = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    let from = 0;
    for (let end = rest.indexOf(NEWLINE); end >= 0; end = rest.indexOf(NEWLINE, from)) {
      each(rest.toString('utf8', from, end));
      whole += end + 1 - from;
      from = end + 1;
    }
    rest = rest.subarray(from);
  }
  return whole;
}
