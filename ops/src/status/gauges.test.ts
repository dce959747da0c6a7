import { describe, expect, it } from '@jest/globals';
import { readGauges, readMessagingState, readOpenBreakers } from './gauges.ts';

const text = `# HELP events_partition_halted 1 while its handler or the registry is broken
# TYPE events_partition_halted gauge
events_partition_halted{service="payment",group="payment",topic="order-events",partition="3"} 1
events_partition_halted{service="payment",group="payment",topic="order-events",partition="4"} 0
events_group_halted{group="payment"} 0
events_group_halted{group="coupon"} 1
events_consumer_restarting{group="payment"} 1
events_consumer_restarts_total{group="payment"} 1
events_schema_id_lost{type="payment-completed"} 0
events_schema_id_lost{type="payment-failed"} 1
outbox_relay_holder 1
outbox_topic_refused{topic="order-events.dlq",reason="UNKNOWN_TOPIC_OR_PARTITION"} 1
outbox_topic_refused{topic="order-events",reason="MESSAGE_TOO_LARGE"} 0
outbox_relay_holder_seconds 7
`;

describe('metrics of an instance', () => {
  it('when a metric is asked for by name, then its values are read with their labels', () => {
    expect(readGauges(text, 'outbox_relay_holder')).toEqual([{ labels: {}, value: 1 }]);
    expect(readGauges(text, 'events_group_halted')[0]).toEqual({ labels: { group: 'payment' }, value: 0 });
  });

  it('when a breaker is open, then its service is named', () => {
    const states = ['closed', 'half_open', 'open'].flatMap((state, i) => [
      `gateway_breaker_state{upstream="order",state="${state}"} ${i === 0 ? 1 : 0}`,
      `gateway_breaker_state{upstream="catalog",state="${state}"} ${i === 2 ? 1 : 0}`,
    ]);
    expect(readOpenBreakers(states.join('\n'))).toEqual(['catalog']);
  });

  it('when an instance relays or has halted partitions and groups, then its messaging state says so', () => {
    expect(readMessagingState(text)).toEqual({
      relaying: true,
      halted: ['payment on order-events/3'],
      lost: ['coupon'],
      refused: [{ topic: 'order-events.dlq', reason: 'UNKNOWN_TOPIC_OR_PARTITION' }],
      haltedPartitions: [{ group: 'payment', topic: 'order-events', partition: 3 }],
      waiting: [],
      restarting: ['payment'],
      lostSchemas: ['payment-failed'],
    });
  });
});
