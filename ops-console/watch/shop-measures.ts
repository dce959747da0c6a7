import { type Metrics, oneAtATime, within } from '@shop/chassis';
import type { Lag } from '../../ops/src/status/lags.ts';
import type { OpenLetters } from '../../ops/src/status/letters.ts';

/** Longest wait for one of the reads, ms: a part that is away must not fail the scrape of the rest. */
const READ_MS = 4_000;

export interface ShopReads {
  /** From Kafka. */
  readonly lags: () => Promise<readonly Lag[]>;
  /** From the schemas of all services. */
  readonly letters: () => Promise<readonly OpenLetters[]>;
}

export interface ShopMeasuresOptions {
  readonly metrics: Pick<Metrics, 'gauge'>;
  readonly reads: ShopReads;
  /** The groups that run here: one without open letters has 0. */
  readonly groups: readonly string[];
  /** Longest wait for one of the reads, ms; default 4,000. */
  readonly readMs?: number;
}

/**
 * Measures what no service can tell of itself, since it may be what is away: how far each group is behind, and what
 * waits for an operator. They are read when the measures are, so nobody pays for them where nobody watches. What cannot
 * be read has no value, rather than an old one; `ops_read_failed` says so.
 */
export function measureShop({ metrics, reads, groups, readMs = READ_MS }: ShopMeasuresOptions): void {
  const limited = <T>(read: () => Promise<T>) => {
    const shared = oneAtATime(read);
    return () => within(readMs, shared(), () => new Error(`no answer within ${readMs} ms`)).catch(() => undefined);
  };
  const readLags = limited(reads.lags);
  const readLetters = limited(reads.letters);

  metrics.gauge(
    'consumer_lag_messages',
    'Messages of a topic that a group has not committed',
    ['group', 'topic'],
    async (gauge) => {
      const lags = await readLags();
      gauge.reset();
      for (const { group, topic, lag } of lags ?? []) gauge.set({ group, topic }, lag);
    },
  );
  metrics.gauge(
    'dead_letters_open',
    'Dead letters that wait: for an operator (dead), behind one (parked), to be applied again (redriving)',
    ['group', 'state'],
    async (gauge) => {
      const letters = await readLetters();
      gauge.reset();
      if (!letters) return;
      for (const group of groups) {
        const open = letters.find((it) => it.group === group);
        for (const state of ['dead', 'parked', 'redriving'] as const) gauge.set({ group, state }, open?.[state] ?? 0);
      }
    },
  );
  metrics.gauge(
    'dead_letters_oldest_age_seconds',
    'Age of the oldest open dead letter of a group; 0 without one',
    ['group'],
    async (gauge) => {
      const letters = await readLetters();
      gauge.reset();
      if (!letters) return;
      for (const group of groups)
        gauge.set({ group }, (letters.find((it) => it.group === group)?.oldestMs ?? 0) / 1_000);
    },
  );
  metrics.gauge(
    'ops_read_failed',
    '1 when the console could not read the log or the schemas within its time',
    ['part'],
    async (gauge) => {
      const [lags, letters] = await Promise.all([readLags(), readLetters()]);
      gauge.set({ part: 'log' }, lags ? 0 : 1);
      gauge.set({ part: 'schemas' }, letters ? 0 : 1);
    },
  );
}
