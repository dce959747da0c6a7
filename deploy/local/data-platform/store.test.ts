import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type EventFile, openEvents } from './store.ts';

let folder: string;
let file: string;
let events: EventFile;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sink-'));
  file = join(folder, 'deeper', 'events.jsonl');
  events = await openEvents(file);
});
afterEach(async () => {
  await events.close();
  rmSync(folder, { recursive: true });
});

const event = (id: string) => ({
  id,
  type: 'order-completed',
  time: '2026-01-01T00:00:00.000Z',
  data: { orderId: id },
});
const lines = () => readFileSync(file, 'utf8').split('\n').filter(Boolean);
async function reopened(): Promise<EventFile> {
  await events.close();
  events = await openEvents(file);
  return events;
}

it('when events come again, in one batch, the next, at once or after a restart, then each is kept once', async () => {
  expect(await events.append([event('a'), event('b'), event('a')])).toBe(2);
  expect(await Promise.all([events.append([event('b'), event('c')]), events.append([event('c')])])).toEqual([1, 0]);
  expect(await (await reopened()).append([event('c'), event('d')])).toBe(1);
  expect(lines().map((line) => JSON.parse(line).id)).toEqual(['a', 'b', 'c', 'd']);
  expect([events.count, events.ids(1, 2), events.ids(4, 9)]).toEqual([4, ['b', 'c'], []]);
});

it('when the process died while writing, then the half line is gone, and its event is accepted when it comes again', async () => {
  await events.append([event('ä')]);
  appendFileSync(file, JSON.stringify(event('b')).slice(0, 20));
  expect((await reopened()).ids(0, 9)).toEqual(['ä']);
  expect(await events.append([event('b')])).toBe(1);
  expect(lines().map((line) => JSON.parse(line).id)).toEqual(['ä', 'b']);
});
