import { expect, it } from '@jest/globals';
import kafkajs, { type Cluster } from 'kafkajs';
import { createAssigner } from './assigner.ts';

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;
const TOPICS = ['order-created', 'payment-completed'];

/** Deals two topics to one member. The table of topics lacks one of them until it was asked for so many times. */
async function deal(lacksUntil: number) {
  let refreshed = 0;
  const cluster = {
    addMultipleTargetTopics: async () => {},
    async refreshMetadata() {
      refreshed += 1;
    },
    findTopicPartitionMetadata: (topic: string) =>
      topic === 'payment-completed' && refreshed < lacksUntil ? [] : [{ partitionId: 1 }, { partitionId: 0 }],
  } as unknown as Cluster;
  const assigner = createAssigner(() => ({}))({ cluster, groupId: 'payment', logger: undefined as never });
  const memberMetadata = MemberMetadata.encode({ version: 0, topics: TOPICS, userData: Buffer.from('{}') });
  const [dealt] = await assigner.assign({
    ...{ members: [{ memberId: 'm', memberMetadata }], topics: TOPICS },
  } as unknown as Parameters<typeof assigner.assign>[0]);
  return dealt && MemberAssignment.decode(dealt.memberAssignment)?.assignment;
}

it('when the table of topics lacks one of them for a moment, then it is asked for again, and all are dealt', async () => {
  expect(await deal(2)).toEqual({ 'order-created': [0, 1], 'payment-completed': [0, 1] });
});

it('when the table of topics goes on lacking one, then the join fails instead of leaving the topic to nobody', async () => {
  await expect(deal(100)).rejects.toThrow('payment-completed');
});
