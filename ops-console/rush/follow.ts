import type { ServerResponse } from 'node:http';
import type { EventStream } from '@shop/chassis';
import type { Rush, RushState } from './rushes.ts';

/** Most states sent at once. Each state includes everything before it, so a late reader needs only an outline. */
const MAX_AT_ONCE = 60;

/**
 * Sends a rush's states so far, or those after `Last-Event-ID`, and continues until it is done. An event's id is its
 * place in the rush's history, so a returning reader misses nothing and gets nothing twice.
 */
export function followRush(
  rush: Rush,
  stream: EventStream,
  lastEventId: string | undefined,
  response: ServerResponse,
): void {
  let next = /^\d{1,6}$/.test(lastEventId ?? '') ? Number(lastEventId) + 1 : 0;
  const news = (): string => {
    const states = outline(rush.history.map((state, id) => ({ state, id })).slice(next), MAX_AT_ONCE);
    next = rush.history.length;
    return states.map(({ state, id }) => toEvent(state, id)).join('');
  };
  const isDone = () => rush.history.at(-1)?.done ?? false;

  stream.start(news());
  if (isDone()) {
    stream.end();
    return;
  }
  const leave = rush.onChange(() => {
    stream.send(news());
    if (isDone()) stream.end();
  });
  response.once('close', leave);
}

function toEvent(state: RushState, id: number): string {
  return `id: ${id}\nevent: rush\ndata: ${JSON.stringify(state)}\n\n`;
}

/** At most `most` items, evenly from the first to the last. */
export function outline<Item>(items: readonly Item[], most: number): readonly Item[] {
  if (items.length <= most) return items;
  const step = (items.length - 1) / (most - 1);
  return Array.from({ length: most }, (_, index) => items[Math.round(index * step)] as Item);
}
