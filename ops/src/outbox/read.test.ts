import { describe, expect, it } from '@jest/globals';
import { readMessagingState } from '../status/gauges.ts';
import type { InstanceStatus } from '../status/read.ts';
import { readRefusedEvent } from './read.ts';

const refused = 'outbox_topic_refused{topic="catalog-events",reason="MESSAGE_TOO_LARGE"} 1\n';
const catalog = (measures: string): InstanceStatus => ({
  ...{ service: 'catalog', url: 'u', live: true, ready: true, detail: '', measured: true, clockSkewMs: 0 },
  ...{ messaging: readMessagingState(measures), openBreakers: [] },
});
const row = { seq: 12, id: 'e', topic: 'catalog-events', key: 'order-1', type: 'stock-reserved', bytes: 9 };

/** An outbox whose row is there at the first `looks` looks, behind `front` if any. */
function outbox(looks: number, front: number | null = null) {
  let left = looks;
  return {
    async query<Row>(sql: string): Promise<Row[]> {
      if (sql.includes('MIN(seq)')) return [{ seq: front }] as Row[];
      left -= 1;
      return left < 0 ? [] : ([row] as Row[]);
    },
  };
}

describe('an event that an operator would set aside', () => {
  const look = (sql: ReturnType<typeof outbox>, ...measures: string[]) => {
    let asked = 0;
    const instances = async () => [catalog(measures[Math.min(asked++, measures.length - 1)] ?? '')];
    return readRefusedEvent(sql, instances, 'catalog/12', 1);
  };

  it('when it was sent, and its row was only still there, then it is not offered', async () => {
    await expect(look(outbox(1), refused)).rejects.toThrow('catalog/12 is not in the outbox: it was sent');
  });

  it('when the broker takes its topic again meanwhile, then it will be sent', async () => {
    await expect(look(outbox(2), refused, '')).rejects.toThrow('the broker takes catalog-events');
  });

  it('when another one of its key is in front, then that one is named', async () => {
    await expect(look(outbox(2, 7), refused)).rejects.toThrow('waits behind catalog/7 of its key');
  });

  it('when it stays and its topic is refused, then it is told with the reason', async () => {
    await expect(look(outbox(2), refused)).resolves.toMatchObject({ event: { id: 'e' }, refusal: 'MESSAGE_TOO_LARGE' });
  });
});
