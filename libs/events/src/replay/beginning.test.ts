import { describe, expect, it } from '@jest/globals';
import type { IncomingRecord } from '../broker.ts';
import type { DecodedEvent } from '../codec/index.ts';
import { UndecodableError } from '../errors.ts';
import { REPUBLISHED } from '../store/index.ts';
import { watchBeginning } from './beginning.ts';

const NOW = Date.parse('2026-11-30T12:00:00Z');
const type = 'order-completed';

/** A sale of this time; its record was sent today. */
function sale(at: string, more: Record<string, string> = {}, value: string | null = at): IncomingRecord {
  const headers = { ce_type: type, ...more };
  const position = { topic: 'order-events', partition: 0, offset: '0', key: 'o', timestamp: NOW };
  return { ...position, value: value === null ? null : Buffer.from(value), headers };
}

async function since(firstDay: string | undefined, ...records: IncomingRecord[]): Promise<string | undefined> {
  const watch = watchBeginning({
    codec: {
      async decode(message) {
        if (`${message}` === 'rubbish') throw new UndecodableError('rubbish');
        return { type, data: { completedAt: Date.parse(`${message}`) } } as DecodedEvent;
      },
    },
    type,
    timeOf: (event) => (event.type === type ? event.data.completedAt : undefined),
    dayOf: (at) => new Date(at).toISOString().slice(0, 10),
    firstDay,
    now: NOW,
  });
  for (const record of records) await watch.add(record);
  return watch.since()?.toISOString();
}

const today = sale('2026-11-30T09:00:00.000Z');
const week = { [REPUBLISHED]: '2026-11-23T10:00:00.000Z' };

describe('topics from whose beginning nothing is removed', () => {
  it('when they have a sale of the first day that is counted, then they hold everything', async () => {
    expect(await since('2026-11-29', today, sale('2026-11-29T23:00:00.000Z'))).toBeUndefined();
  });

  it('when nothing is counted yet, then they hold everything', async () => {
    expect(await since(undefined, today, sale('2026-11-29T23:00:00.000Z', week))).toBeUndefined();
  });

  it('when days before their first sale are counted, then they were made anew and begin with that sale', async () => {
    const others = sale('2026-10-01T00:00:00.000Z', { ce_type: 'order-cancelled' });
    const rubbish = sale('', {}, 'rubbish');
    expect(await since('2026-10-31', today, others, rubbish, sale('', {}, null))).toBe('2026-11-30T09:00:00.000Z');
  });

  it('when they hold no sale and days are counted, then they begin now', async () => {
    expect(await since('2026-10-31')).toBe('2026-11-30T12:00:00.000Z');
  });

  it('when they were filled again, then they hold everything since the latest time that the rows were looked through', async () => {
    const later = sale('2026-11-24T10:00:00.000Z', { [REPUBLISHED]: '2026-11-23T11:00:00.000Z' });
    expect(await since('2026-10-31', today, later, sale('2026-11-23T10:30:00.000Z', week))).toBe(
      '2026-11-23T11:00:00.000Z',
    );
    expect(await since('2026-11-23', today, later)).toBe('2026-11-23T11:00:00.000Z');
  });

  it('when they were filled again with all that is counted, then they hold everything', async () => {
    expect(await since('2026-11-24', today, sale('2026-11-24T10:00:00.000Z', week))).toBeUndefined();
  });
});
