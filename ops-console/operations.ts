import { answerHeaders, describes, type PassedOperation, timeSchema, uuidSchema } from '@shop/chassis/api';
import { z } from 'zod';
import { ALL_SERVICE_NAMES } from '../services/services.ts';
import type { AuditState } from './audit/audits.ts';
import type { Verdict } from './audit/verdict.ts';
import type { ShownStatus } from './routes.ts';
import type { RushState } from './rush/rushes.ts';
import { auditBody, rushBody } from './schemas.ts';

const count = (what: string) => z.int().min(0).describe(what);
const byCode = (what: string) => z.record(z.string(), z.int()).describe(what);

const verdict = describes<Verdict>()(
  z
    .strictObject({
      clean: z.boolean().describe('every invariant holds, and there was something to check'),
      state: z
        .enum(['HOLDS', 'BROKEN', 'NOTHING_TO_CHECK'])
        .describe('NOTHING_TO_CHECK: no order and no message was in what was asked for, so nothing is proven'),
      unchecked: z.array(z.string()).describe('the checks that had nothing to check'),
      notMade: z.array(z.string()).describe('the checks that could not be made, since a part was away'),
      violations: z
        .array(
          z.strictObject({
            invariant: z.int().describe('its number in ARCHITECTURE.md'),
            name: z.string().describe('which check found it'),
            title: z.string().describe('what should be so'),
            failed: count('how many contradict it'),
            examples: z
              .array(
                z.strictObject({
                  id: z.string().describe('what to look up'),
                  detail: z.string().describe('what is wrong with it'),
                }),
              )
              .describe('the first of them'),
          }),
        )
        .describe('the checks that found something'),
      checks: count('checks that were made'),
      notes: z.array(z.string()).describe('what one should know of it'),
      orders: count('orders that were looked at'),
      records: count('messages that were read'),
      durationMs: count('how long it took, ms'),
    })
    .meta({ id: 'Verdict', description: 'What an audit of all schemas and topics found.' }),
);

const audit = describes<AuditState>()(
  z
    .strictObject({
      auditId: uuidSchema.describe('the audit'),
      since: timeSchema.describe('what began before is left out, ISO 8601, UTC'),
      state: z.enum(['RUNNING', 'DONE', 'FAILED']).describe('FAILED: it could not be done'),
      verdict: verdict.optional(),
      error: z.string().optional().describe('why it could not be done'),
    })
    .meta({ id: 'Audit', description: 'An audit, and what became of it.' }),
);

const rush = describes<RushState>()(
  z
    .strictObject({
      rushId: uuidSchema.describe('the rush'),
      productId: z.int().describe('what is bought'),
      couponPolicyId: z.int().describe('what coupon is wanted'),
      quantity: z.int().describe('pieces an order'),
      startedAt: timeSchema.describe('when it began, ISO 8601, UTC'),
      phase: z
        .enum(['BUYING', 'AUDITING', 'DONE', 'FAILED'])
        .describe('FAILED: it, or its audit, did not come to its end'),
      done: z.boolean().describe('nothing will change any more'),
      buyers: count('who buy'),
      ended: count('buyers of whom nothing more will come'),
      coupons: z
        .strictObject({
          issued: count('buyers who got one in this rush'),
          alreadyOwn: count('buyers who had one before'),
          soldOut: count('buyers who came too late'),
          failed: count('buyers without a final answer'),
        })
        .describe('what became of the wishes for a coupon'),
      orders: z
        .strictObject({
          completed: count('orders that went through'),
          refused: byCode('orders that the shop decided against, by the code of the problem'),
          failed: count('orders without a decision'),
          pending: count('orders that were sent, and whose end is not known'),
        })
        .describe('what became of the orders'),
      failures: byCode('why requests failed: what was asked for and the code'),
      elapsedMs: count('time until now, or until the last buyer ended, ms'),
      ordersPerSecond: z.number().describe('orders that ended a second'),
      p95Ms: z
        .strictObject({
          coupon: z.int().nullable().describe('of wishes for a coupon, ms'),
          order: z.int().nullable().describe('of orders, until their end, ms'),
        })
        .describe('95 of 100 answers came within so long; null before the first'),
      audit: verdict.optional(),
      error: z.string().optional().describe('what kept it from its end'),
    })
    .meta({ id: 'Rush', description: 'A rush as it stands; each state tells of everything before it.' }),
);

const messaging = z
  .strictObject({
    relaying: z.boolean().describe('it sends what stands in its outbox'),
    halted: z.array(z.string()).describe('partitions that stand still, since their handler is broken'),
    lost: z.array(z.string()).describe('groups that stand still, since the log no longer holds their place'),
    refused: z
      .array(
        z.strictObject({
          topic: z.string().describe('its name'),
          reason: z.string().describe('the word of the broker, such as UNKNOWN_TOPIC_OR_PARTITION'),
        }),
      )
      .describe('topics whose events the broker does not take'),
    haltedPartitions: z
      .array(
        z.strictObject({
          group: z.string().describe('whose messages wait'),
          topic: z.string().describe('on which topic'),
          partition: z.int().describe('in which partition'),
        }),
      )
      .describe('the partitions among them'),
    waiting: z.array(z.string()).describe('groups that wait for something that is away'),
    restarting: z.array(z.string()).describe('groups whose client ends again and again'),
    lostSchemas: z.array(z.string()).describe('types of events whose schema id the registry no longer knows'),
  })
  .describe('its relay and its consumers');
const service = z.enum(ALL_SERVICE_NAMES).describe('whose it is');

const status = describes<ShownStatus>()(
  z
    .strictObject({
      instances: z
        .array(
          z.strictObject({
            service: z.string().describe('which service'),
            url: z.string().describe('where it listens'),
            live: z.boolean().describe('it answers'),
            ready: z.boolean().describe('it has all that it needs'),
            detail: z.string().describe('what it lacks'),
            measured: z.boolean().describe('it tells its measures: without them nothing below is known'),
            clockSkewMs: z.number().optional().describe('its machine’s clock less its database’s, ms'),
            messaging: messaging.optional(),
            openBreakers: z.array(z.string()).describe('of a gateway: services that it lets alone for the moment'),
          }),
        )
        .describe('every process'),
      topics: z
        .array(
          z.strictObject({
            topic: z.string().describe('its name'),
            partitions: count('its partitions'),
            messages: count('what it holds'),
          }),
        )
        .describe('every topic'),
      groups: z
        .array(
          z.strictObject({
            group: z.string().describe('its name'),
            lag: count('messages before it that the log holds'),
          }),
        )
        .describe('every consumer group'),
      lostPlaces: z
        .array(z.strictObject({ group: z.string().describe('the group'), place: z.string().describe('in words') }))
        .describe('places of groups that the log no longer holds'),
      newLog: z
        .array(z.string().describe('the group'))
        .describe('groups whose topics were made anew: they lack what the group has applied'),
      outboxes: z
        .array(
          z.strictObject({
            service,
            waiting: count('events not sent yet'),
            oldestMs: count('age of the oldest, ms'),
          }),
        )
        .describe('every outbox'),
      deadLetters: z
        .array(
          z.strictObject({
            group: z.string().describe('whose they are'),
            dead: count('messages that could not be handled'),
            parked: count('messages that wait behind those'),
            redriving: count('messages that are about to be handled again'),
            oldestMs: count('age of the oldest of them, ms'),
          }),
        )
        .describe('groups that have some'),
      orders: byCode('orders by their status'),
      oldestPending: z
        .array(z.strictObject({ orderId: uuidSchema.describe('the order'), ageMs: count('its age, ms') }))
        .describe('the oldest PENDING orders'),
      readOnly: z.boolean().describe('whether the database takes no writes'),
      unreachable: z.array(z.string()).describe('what could not be looked at'),
      problems: z.array(z.string()).describe('what somebody should look at, and where to read on'),
      lastAudit: z
        .strictObject({
          endedAt: timeSchema.describe('when it ended'),
          state: z.enum(['HOLDS', 'BROKEN', 'NOTHING_TO_CHECK']).describe('what it found'),
          violations: count('how many violations it found, and earlier ones whose check could not be made'),
          notMade: z.array(z.string()).describe('the checks that could not be made, since a part was away'),
        })
        .optional()
        .describe('the last audit on schedule since the console started'),
    })
    .meta({ id: 'Status', description: 'Everything on one screen.' }),
);

const idOf = (what: string) => z.object({ id: uuidSchema.describe(what) });
const common = { access: 'ops', tag: 'operations' } as const;
const running = 'The console does one at a time.';

export const OPERATIONS: readonly PassedOperation[] = [
  {
    ...common,
    operationId: 'getStatus',
    method: 'GET',
    path: '/ops/status',
    class: 'finish',
    summary: 'Services, topics, lag, outboxes and dead letters',
    answers: { 200: { description: 'How everything stands.', schema: status } },
  },
  {
    ...common,
    operationId: 'startAudit',
    method: 'POST',
    path: '/ops/audit',
    class: 'finish',
    summary: 'Check the invariants over all schemas and topics',
    description: `It changes nothing, and takes some seconds. ${running}`,
    body: { schema: auditBody, required: false, examples: { 'the last quarter of an hour': {} } },
    answers: {
      202: { description: 'Begun.', schema: audit, headers: { Location: answerHeaders.location } },
    },
    problems: ['AUDIT_RUNNING'],
    problemMembers: z.object({ auditId: uuidSchema.optional().describe('the one that is at work') }),
  },
  {
    ...common,
    operationId: 'getAudit',
    method: 'GET',
    path: '/ops/audit/:id',
    class: 'finish',
    summary: 'What an audit found',
    params: idOf('the audit: `Location` of the 202'),
    answers: { 200: { description: 'The audit.', schema: audit } },
    problems: ['NOT_FOUND'],
  },
  {
    ...common,
    operationId: 'startRush',
    method: 'POST',
    path: '/ops/rush',
    class: 'finish',
    summary: 'A rush hour: many demo users want the same coupon and the same product',
    description: `Each takes the coupon if it gets one, and orders the product with it, through this API. After them the invariants are checked. ${running}`,
    body: {
      schema: rushBody,
      examples: {
        'two hundred, for what is made for them': { buyers: 200 },
        'for a product': { productId: 1, buyers: 50 },
      },
    },
    answers: { 202: { description: 'Begun.', schema: rush, headers: { Location: answerHeaders.location } } },
    problems: ['PRODUCT_NOT_FOUND', 'COUPON_POLICY_NOT_FOUND', 'RUSH_RUNNING'],
    problemMembers: z.object({
      rushId: uuidSchema.optional().describe('the one that is at work'),
      productId: z.int().optional().describe('the product that is not there'),
      couponPolicyId: z.int().optional().describe('the policy that is not there'),
    }),
  },
  {
    ...common,
    operationId: 'getRush',
    method: 'GET',
    path: '/ops/rush/:id',
    class: 'finish',
    summary: 'How a rush stands',
    params: idOf('the rush: `Location` of the 202'),
    answers: { 200: { description: 'The rush.', schema: rush } },
    problems: ['NOT_FOUND'],
  },
  {
    ...common,
    operationId: 'followRush',
    method: 'GET',
    path: '/ops/rush/:id/events',
    class: 'finish',
    stream: true,
    summary: 'Follow a rush',
    description:
      'Events of type `rush`, some a second, each with the rush as it then stood; the stream ends with the rush. Whoever comes late is told the outline of what was.',
    params: idOf('the rush: `Location` of the 202'),
    headers: z.object({
      'Last-Event-ID': z.string().optional().meta({ description: 'go on after this event', pattern: '^[0-9]{1,6}$' }),
    }),
    answers: {
      200: {
        description: 'The stream. `data` of each event is a Rush.',
        mediaType: 'text/event-stream',
        schema: z.string().describe('server-sent events'),
      },
    },
    problems: ['NOT_FOUND'],
  },
];
