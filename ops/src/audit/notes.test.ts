import { expect, it } from '@jest/globals';
import { REPUBLISHED } from '@shop/events';
import type { LogRecord } from './log.ts';
import { MARGIN_MS, retentionWatch } from './notes.ts';

const record = (change: Partial<LogRecord>): LogRecord => ({
  ...{ topic: 't', partition: 0, offset: 0, key: null, id: 'i', type: 'order-created', headers: {}, timestamp: 0 },
  ...change,
});

it('when a log that holds its beginning was filled again from rows, then it is compared since the time of these', () => {
  const watch = retentionWatch([{ topic: 't', partition: 0, from: 0, to: 9 }]);
  watch.add(record({}));
  expect(watch.since()).toBeUndefined();
  const since = '2026-01-31T09:00:00.000Z';
  watch.add(record({ headers: { [REPUBLISHED]: since } }));
  watch.add(record({ headers: { [REPUBLISHED]: '2026-01-30T09:00:00.000Z' } }));
  expect(watch.since()?.getTime()).toBe(Date.parse(since) + MARGIN_MS);
  expect(watch.notes()).toHaveLength(1);
});
