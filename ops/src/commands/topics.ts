import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { action, addCommand, EXIT, table } from '../command.ts';
import { connectKafka } from '../kafka-log.ts';
import { EXPECTED_TOPICS } from '../running-events.ts';
import { topicFaults } from '../topics/faults.ts';
import { withClosing } from '../with-closing.ts';

export function registerTopics(program: Command): void {
  addCommand(
    program,
    'topics',
    'topics that are missing or differ, each with its mend; --execute makes the missing ones; exit 3 if any are left',
    'topics --execute',
  )
    .option(
      '--execute',
      'make the missing ones as the services do, by the same KAFKA_PARTITIONS, KAFKA_REPLICATION_FACTOR, KAFKA_MIN_INSYNC_REPLICAS and KAFKA_DURABILITY',
    )
    .action(
      action<{ json?: boolean; execute?: boolean }>((output, { execute = false }) => {
        const { brokers, topics: readPlan } = readAddresses();
        const topics = readPlan();
        return withClosing(
          () => connectKafka(brokers),
          async (admin) => {
            const made = execute ? await admin.createTopics(EXPECTED_TOPICS, topics) : [];
            const states = await admin.describeTopics(EXPECTED_TOPICS);
            const faults = states.flatMap((state) =>
              topicFaults(state, topics).map((it) => ({ topic: state.topic, ...it })),
            );
            const lines = [
              ...made.map((topic) => `made: ${topic}`),
              faults.length === 0
                ? `${states.length} topics are as they should be`
                : table(faults.map((it) => [it.topic, it.wrong, it.mend])),
            ];
            output.result({ made, faults }, lines.join('\n'));
            return faults.length > 0 ? EXIT.found : EXIT.done;
          },
        );
      }),
    );
}
