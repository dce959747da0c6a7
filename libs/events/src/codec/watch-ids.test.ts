import { expect, it } from '@jest/globals';
import type { EventType } from '../contracts/index.ts';
import { OutageError } from '../errors.ts';
import { silentLogger } from '../log.ts';
import { createIdWatch } from './watch-ids.ts';

it('when the registry loses ids that are written, then the measure and one line of log say so until it is right', async () => {
  const written: EventType[] = ['order-created', 'order-completed'];
  let lost: EventType[] | undefined = [];
  let now = 0;
  const measured = new Map<string, boolean>();
  const said: unknown[] = [];
  const look = createIdWatch({
    codec: {
      lostIds: async () => {
        if (!lost) throw new OutageError('away');
        return { written, lost };
      },
    },
    metrics: { schemaIdLost: (type, is) => void measured.set(type, is) },
    logger: { ...silentLogger, error: (details) => void said.push(details) },
    now: () => now,
  });
  await look();
  expect([Object.fromEntries(measured), said]).toEqual([{ 'order-created': false, 'order-completed': false }, []]);
  lost = ['order-created'];
  for (now = 0; now < 60_000; now += 15_000) await look();
  expect(measured.get('order-created')).toBe(true);
  expect(said).toEqual([{ types: ['order-created'] }]);
  // A registry that is away changes nothing of what is known.
  lost = undefined;
  await look();
  expect(measured.get('order-created')).toBe(true);
  lost = [];
  await look();
  expect(measured.get('order-created')).toBe(false);
});
