import {
  childTrace,
  currentTrace,
  formatTraceparent,
  inBatchSpan,
  isTracing,
  reasonOf,
  recordedTrace,
  recordSpan,
  type SpanAttributes,
  type TraceContext,
} from '@shop/chassis';
import type { Headers } from './broker.ts';
import type { Message, ReadableMessage } from './codec/index.ts';
import type { NumberedRow } from './store/index.ts';

// Spans of events: one for each message that is sent or processed, in the trace of its cause, and one for the joint
// transaction of a batch, linked to its messages'. Only what is sampled is touched; without tracing nothing is.

/** A span under way. */
interface Step {
  readonly trace: TraceContext;
  readonly parent: TraceContext;
  readonly attributes: SpanAttributes;
}

const SYSTEM = 'kafka';

/**
 * Processes messages of a group in the spans of their orders. `work` gets them with these spans as their traceparent,
 * so that the events that follow from them are their children.
 */
export async function processTraced<T>(
  group: string,
  messages: readonly Message[],
  work: (messages: readonly Message[]) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return work(messages);
  const steps: Step[] = [];
  const own = messages.map((message) => (message.event ? enter(group, message, steps) : message));
  if (steps.length === 0) return work(messages);

  const startedAt = performance.now();
  let batch: TraceContext | undefined;
  const end = (error?: string) => {
    for (const [n, { trace, parent, attributes }] of steps.entries()) {
      const name = `process ${attributes['messaging.destination.name']}`;
      // The first has the batch as its child.
      const links = n > 0 && batch ? [batch] : [];
      recordSpan({ trace, parent, name, kind: 'consumer', startedAt, attributes, links, error });
    }
  };
  try {
    const traces = steps.map(({ trace }) => trace);
    const result = await inBatchSpan(traces, batchOf(group, messages.length), () => {
      batch = currentTrace();
      return work(own);
    });
    end();
    return result;
  } catch (error) {
    end(reasonOf(error));
    throw error;
  }
}

function batchOf(group: string, messages: number) {
  const attributes = {
    'messaging.system': SYSTEM,
    'messaging.consumer.group.name': group,
    'messaging.batch.message_count': messages,
  };
  return { name: `batch ${group}`, kind: 'internal', attributes } as const;
}

/** The message in a span of its own, if its trace is recorded. */
function enter(group: string, message: ReadableMessage, steps: Step[]): ReadableMessage {
  const { event } = message;
  const parent = recordedTrace(event.traceparent);
  if (!parent) return message;
  const trace = childTrace(parent);
  const { id, type, topic, partition, offset, key, data } = event;
  const attributes = {
    ...{ 'messaging.system': SYSTEM, 'messaging.operation.type': 'process', 'messaging.operation.name': 'process' },
    'messaging.destination.name': topic,
    'messaging.destination.partition.id': String(partition),
    'messaging.kafka.offset': Number(offset),
    'messaging.kafka.message.key': orderIn(key),
    'messaging.message.id': id,
    'messaging.consumer.group.name': group,
    'shop.event.type': type,
    'shop.order.id': 'orderId' in data ? String(data.orderId) : undefined,
  };
  steps.push({ trace, parent, attributes });
  return { ...message, event: { ...event, traceparent: formatTraceparent(trace) } };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** A key that is an order's. All other keys are numbers, a user's among them, and a span has nothing of a user. */
function orderIn(key: string | null): string | undefined {
  return key !== null && UUID.test(key) ? key : undefined;
}

/** Rows on their way to the broker. */
export interface TracedRows {
  /** The row's headers, with the span of its sending as traceparent. */
  headersOf(row: NumberedRow): Headers;
  /** Records the spans of all rows. @param taken those that the broker has taken */
  end(taken: readonly NumberedRow[], error?: string): void;
}

const UNTRACED: TracedRows = { headersOf: ({ headers }) => headers, end: () => undefined };

/** Begins the spans of rows that are sent now: a row that is sent again has a new one. */
export function sendTraced(rows: readonly NumberedRow[]): TracedRows {
  if (!isTracing()) return UNTRACED;
  const steps = new Map<NumberedRow, Step>();
  for (const row of rows) {
    const parent = recordedTrace(row.headers.traceparent);
    if (parent) steps.set(row, { trace: childTrace(parent), parent, attributes: attributesOf(row) });
  }
  if (steps.size === 0) return UNTRACED;
  const startedAt = performance.now();
  return {
    headersOf(row) {
      const step = steps.get(row);
      return step ? { ...row.headers, traceparent: formatTraceparent(step.trace) } : row.headers;
    },
    end(taken, error = 'not taken by the broker') {
      const sent = new Set(taken);
      for (const [row, { trace, parent, attributes }] of steps) {
        const failed = sent.has(row) ? undefined : error;
        recordSpan({
          trace,
          parent,
          name: `send ${row.topic}`,
          kind: 'producer',
          startedAt,
          attributes,
          error: failed,
        });
      }
    },
  };
}

function attributesOf({ id, topic, key, type }: NumberedRow): SpanAttributes {
  return {
    ...{ 'messaging.system': SYSTEM, 'messaging.operation.type': 'send', 'messaging.operation.name': 'send' },
    'messaging.destination.name': topic,
    'messaging.kafka.message.key': orderIn(key),
    'messaging.message.id': id,
    'shop.event.type': type,
  };
}
