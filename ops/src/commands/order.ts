import type { Command } from 'commander';
import { readAddresses } from '../addresses.ts';
import { timeOfId } from '../audit/check.ts';
import type { LogReader, LogRecord } from '../audit/log.ts';
import { action, addCommand, EXIT, table } from '../command.ts';
import { openLog } from '../kafka-log.ts';
import { explain } from '../order/explain.ts';
import { readOrderFacts } from '../order/facts.ts';
import { timeline } from '../order/timeline.ts';
import { traceOf } from '../order/trace.ts';
import { RUNNING_TOPICS } from '../running-events.ts';
import { connectSql } from '../sql.ts';

const ORDER_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export function registerOrder(program: Command): void {
  addCommand(
    program,
    'order <id>',
    'one order across services and topics: what happened, or why it is stuck',
    'order 0193b5a0-1c7e-7d3a-8f2b-9c1d2e3f4a5b',
  ).action(
    action(async (output, _, text) => {
      const orderId = (text ?? '').toLowerCase();
      if (!ORDER_ID.test(orderId)) {
        output.say(`${text} is no order id: they are UUIDs of version 7`);
        return EXIT.usage;
      }
      const addresses = readAddresses();
      const sql = await connectSql(addresses.auditDatabase);
      try {
        const facts = await sql.snapshot((reader) => readOrderFacts(reader, orderId));
        const log = await openLog(addresses.brokers);
        const records = await eventsOf(orderId, log).finally(() => log.close());
        const entries = timeline(facts, records);
        const sentence = explain(facts, new Date());
        const rows = entries.map((entry) => [entry.at.toISOString(), entry.where, entry.what]);
        const trace = traceOf(facts.order?.traceparent, process.env.TRACE_UI_URL);
        output.result(
          { summary: sentence, ...facts, events: records, timeline: entries, trace },
          `${[sentence, ...(trace ? [trace.words] : [])].join('\n')}\n\n${table(rows)}`,
        );
        return facts.order ? EXIT.done : EXIT.found;
      } finally {
        await sql.close();
      }
    }),
  );
}

/** The order's events on the topics, read from the order's time on. */
async function eventsOf(orderId: string, log: LogReader): Promise<LogRecord[]> {
  const records: LogRecord[] = [];
  await log.read(await log.held(RUNNING_TOPICS, new Date(timeOfId(orderId).getTime() - 60_000)), (record) => {
    if (record.key === orderId) records.push(record);
  });
  return records;
}
