import { describe, expect, it } from '@jest/globals';
import type { MessagingState } from './gauges.ts';
import { whatIsWrong } from './problems.ts';
import type { Status } from './read.ts';

const messaging = (change: Partial<MessagingState>): MessagingState => ({
  ...{
    relaying: true,
    halted: [],
    haltedPartitions: [],
    lost: [],
    refused: [],
    waiting: [],
    restarting: [],
    lostSchemas: [],
  },
  ...change,
});
const instance = (change: Partial<Status['instances'][number]> = {}): Status['instances'][number] => ({
  service: 'order',
  url: 'http://order',
  live: true,
  ready: true,
  detail: '',
  measured: true,
  clockSkewMs: 0,
  messaging: messaging({}),
  openBreakers: [],
  ...change,
});
const well: Status = {
  instances: [instance()],
  topics: [],
  groups: [{ group: 'order', lag: 100 }],
  lostPlaces: [],
  newLog: [],
  outboxes: [{ service: 'order', waiting: 12, oldestMs: 40 }],
  deadLetters: [],
  orders: { PENDING: 3 },
  oldestPending: [{ orderId: 'o', ageMs: 900 }],
  readOnly: false,
  unreachable: [],
};

describe('problems shown to an operator', () => {
  it('when everything moves, then there are no problems', () => expect(whatIsWrong(well)).toEqual([]));

  it.each<[Partial<Status>, string]>([
    [{ unreachable: ['Kafka cannot be read'] }, 'Kafka cannot be read'],
    [{ readOnly: true }, 'the database is read-only, nothing can be written: docs/runbooks/database-away.md'],
    [{ instances: [instance({ ready: false, detail: 'database' })] }, 'order at http://order is not ready: database'],
    [
      { instances: [instance({ openBreakers: ['catalog'] })] },
      'breaker of catalog open: docs/runbooks/breaker-open.md',
    ],
    [
      { instances: [instance({ measured: false })] },
      'order at http://order is ready, but its /metrics does not answer',
    ],
    [{ instances: [instance({ live: false, ready: false })] }, 'order at http://order is away'],
    [
      { instances: [instance({ messaging: messaging({ relaying: true, halted: ['order on t/1'], waiting: [] }) })] },
      'docs/runbooks/consumer-halted.md',
    ],
    [
      { instances: [instance({ messaging: messaging({ relaying: true, halted: [], waiting: ['order'] }) })] },
      'waits for something that is away',
    ],
    [
      { instances: [instance({ messaging: messaging({ relaying: true, halted: [], waiting: ['data-platform'] }) })] },
      'docs/runbooks/data-platform-away.md',
    ],
    [
      { instances: [instance({ messaging: messaging({ restarting: ['payment'] }) })] },
      'docs/runbooks/consumer-restarts.md',
    ],
    [
      { instances: [instance({ messaging: messaging({ lostSchemas: ['order-created', 'order-completed'] }) })] },
      'writes order-created, order-completed with schema ids that the registry no longer knows: docs/runbooks/registry-rebuilt.md',
    ],
    [
      { instances: [instance({ messaging: messaging({ relaying: false, halted: [], waiting: [] }) })] },
      'nobody relays the outbox of order',
    ],
    [
      {
        instances: [instance({ messaging: messaging({ lost: ['payment'] }) })],
      },
      'its place in the log is gone: npm run ops -- republish (docs/runbooks/lost-place.md)',
    ],
    [
      { lostPlaces: [{ group: 'payment', place: 'order-events/1: committed 3, the log holds 5 to 9' }] },
      'group payment cannot go on at order-events/1: committed 3, the log holds 5 to 9: npm run ops -- republish',
    ],
    [
      { newLog: ['payment'] },
      'the topics of group payment hold less than it has applied: npm run ops -- republish --log',
    ],
    [
      { outboxes: [{ service: 'order', waiting: 12, oldestMs: 6_000 }] },
      'the oldest for 6.0 s: docs/runbooks/outbox-backlog.md',
    ],
    [
      {
        instances: [
          instance({
            messaging: messaging({ refused: [{ topic: 't.dlq', reason: 'GONE' }] }),
          }),
        ],
      },
      'the broker refuses events of order for t.dlq: GONE: docs/runbooks/topic-refused.md',
    ],
    [
      { deadLetters: [{ group: 'payment', dead: 1, parked: 2, redriving: 0, oldestMs: 5_000 }] },
      'payment has 1 dead letters and 2 parked',
    ],
    [
      { oldestPending: [{ orderId: 'o', ageMs: 20_000 }] },
      'order o is PENDING for 20.0 s: docs/runbooks/orders-near-deadline.md',
    ],
  ])('when the status has a problem, then it is named: %o', (change, words) => {
    expect(whatIsWrong({ ...well, ...change })).toEqual([expect.stringContaining(words)]);
  });
});
