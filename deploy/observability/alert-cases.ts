/** What an alert fires on, and what it must be silent on. Series have a value every 15 s, in promtool's notation. */
export interface AlertCase {
  readonly alert: string;
  readonly sick: Readonly<Record<string, string>>;
  /** When it fires at the latest. */
  readonly at: string;
  /** Its labels besides its name and severity. */
  readonly labels: Readonly<Record<string, string>>;
  /** The same kind of series, in good order or nearly so. */
  readonly well: Readonly<Record<string, string>>;
  /** It was sick and is mended: the alert has fired, and is silent at this time. */
  readonly mended?: { readonly series: Readonly<Record<string, string>>; readonly at: string };
}

const ORDER = 'service="order",instance="10.0.0.1:3101"';
const OTHER = 'service="order",instance="10.0.0.2:3101"';
const atOrder = { service: 'order', instance: '10.0.0.1:3101' };

/** Cases of gauges that are 1 while something is wrong. */
function flag(alert: string, series: string, labels: AlertCase['labels'], at = '3m'): AlertCase {
  return { alert, sick: { [series]: '0 0 1x40' }, at, labels, well: { [series]: '0x40' } };
}

const processes: AlertCase[] = [
  {
    alert: 'ServiceAway',
    sick: { [`up{job="shop",${ORDER}}`]: '1 0x40', [`up{job="shop",${OTHER}}`]: '0x40' },
    at: '2m',
    labels: { service: 'order' },
    well: { [`up{job="shop",${ORDER}}`]: '0x40', [`up{job="shop",${OTHER}}`]: '1x40' },
  },
  {
    alert: 'InstanceAway',
    sick: { [`up{job="shop",${ORDER}}`]: '0x40', [`up{job="shop",${OTHER}}`]: '1x40' },
    at: '4m',
    labels: { ...atOrder, job: 'shop' },
    well: { [`up{job="shop",${ORDER}}`]: '1 0 0 1x40' },
  },
  {
    alert: 'ServiceRestarts',
    sick: { [`process_start_time_seconds{${ORDER}}`]: '100x4 200x4 300x4 400x40' },
    at: '8m',
    labels: atOrder,
    well: { [`process_start_time_seconds{${ORDER}}`]: '100x4 200x50' },
  },
  {
    alert: 'ServerErrors',
    sick: {
      [`http_request_duration_seconds_count{${ORDER},status="200"}`]: '0+100x80',
      [`http_errors_total{${ORDER}}`]: '0+5x80',
    },
    at: '12m',
    labels: { service: 'order' },
    well: {
      [`http_request_duration_seconds_count{${ORDER},status="200"}`]: '0+100x80',
      [`http_request_duration_seconds_count{${ORDER},status="503"}`]: '0+50x80',
      [`http_errors_total{${ORDER}}`]: '0 1x79',
    },
  },
  {
    alert: 'JobFails',
    sick: {
      [`job_interval_seconds{${ORDER},name="expire-orders"}`]: '5x360',
      [`job_last_success_timestamp_seconds{${ORDER},name="expire-orders"}`]: '0x360',
    },
    at: '20m',
    labels: { ...atOrder, name: 'expire-orders' },
    mended: {
      series: {
        [`job_interval_seconds{${ORDER},name="expire-orders"}`]: '5x360',
        [`job_last_success_timestamp_seconds{${ORDER},name="expire-orders"}`]: '0x80 1215+15x40',
      },
      at: '21m',
    },
    // A job of an hour that ran 80 minutes ago is not late.
    well: {
      [`job_interval_seconds{${ORDER},name="purge-inbox"}`]: '3600x360',
      [`job_last_success_timestamp_seconds{${ORDER},name="purge-inbox"}`]: '0x360',
    },
  },
  {
    alert: 'MemoryNearLimit',
    sick: { [`process_resident_memory_bytes{${ORDER}}`]: '450000000x80' },
    at: '15m',
    labels: atOrder,
    well: { [`process_resident_memory_bytes{${ORDER}}`]: '250000000x80' },
  },
  {
    alert: 'FilesNearLimit',
    sick: { [`process_open_fds{${ORDER}}`]: '900x80', [`process_max_fds{${ORDER}}`]: '1024x80' },
    at: '10m',
    labels: atOrder,
    well: { [`process_open_fds{${ORDER}}`]: '90x80', [`process_max_fds{${ORDER}}`]: '1024x80' },
  },
  {
    alert: 'ClockWrong',
    sick: { [`clock_skew_seconds{${ORDER}}`]: '-40x40' },
    at: '5m',
    labels: atOrder,
    well: { [`clock_skew_seconds{${ORDER}}`]: '0.4x40' },
  },
  {
    alert: 'SpansLost',
    sick: { [`tracing_spans_dropped_total{${ORDER},reason="sending"}`]: '0+40x120' },
    at: '20m',
    labels: { service: 'order' },
    // A collector that was started anew.
    well: { [`tracing_spans_dropped_total{${ORDER},reason="sending"}`]: '0x4 0+40x8 320x120' },
  },
];

const LAG = 'consumer_lag_messages{service="ops-console",group="payment",topic="order-events"}';

const overload: AlertCase[] = [
  {
    alert: 'RequestsRefused',
    sick: {
      'http_request_duration_seconds_count{service="gateway",status="200"}': '0+900x80',
      'gateway_refused_total{service="gateway",class="browse",reason="busy"}': '0+300x80',
    },
    at: '15m',
    labels: {},
    well: {
      'http_request_duration_seconds_count{service="gateway",status="200"}': '0+900x80',
      'gateway_refused_total{service="gateway",class="browse",reason="busy"}': '0+3x80',
    },
  },
  {
    alert: 'OrdersRefused',
    sick: { [`order_admission_refused_total{${ORDER},reason="stalled"}`]: '0+30x60' },
    at: '10m',
    labels: {},
    well: { [`order_admission_refused_total{${ORDER},reason="starting"}`]: '0 3x60' },
  },
  {
    alert: 'EventLoopLate',
    sick: { [`nodejs_eventloop_lag_p99_seconds{${ORDER}}`]: '1.5x60' },
    at: '8m',
    labels: atOrder,
    well: { [`nodejs_eventloop_lag_p99_seconds{${ORDER}}`]: '0.12 1.5 0.1x60' },
  },
  {
    alert: 'ConnectionsShort',
    sick: { [`database_connection_waiters{${ORDER}}`]: '12x60' },
    at: '5m',
    labels: atOrder,
    well: { [`database_connection_waiters{${ORDER}}`]: '12 0 7 0 0 9 0 0 0 12 0 7 0 0 9 0 0 0' },
  },
  {
    alert: 'GroupBehind',
    sick: {
      [LAG]: '0+200x60',
      'events_handled_total{service="payment",group="payment",outcome="applied"}': '0+90x60',
    },
    at: '12m',
    labels: { group: 'payment' },
    well: {
      [LAG]: '9000-200x40',
      'events_handled_total{service="payment",group="payment",outcome="applied"}': '0+290x60',
    },
  },
  {
    alert: 'GroupBehind',
    // It stands still: what it is behind does not grow while nobody orders.
    sick: {
      [LAG]: '0 12x60',
      'events_handled_total{service="payment",group="payment",outcome="applied"}': '7x60',
    },
    at: '16m',
    labels: { group: 'payment' },
    mended: {
      series: {
        [LAG]: '0 12x63 0x40',
        'events_handled_total{service="payment",group="payment",outcome="applied"}': '7x63 19x40',
      },
      at: '17m',
    },
    well: {
      [LAG]: '12x60',
      'events_handled_total{service="payment",group="payment",outcome="applied"}': '7+90x60',
    },
  },
];

const dependencies: AlertCase[] = [
  flag('DatabaseUnreadable', 'ops_read_failed{service="ops-console",part="schemas"}', {}),
  {
    alert: 'TransactionsGivenUp',
    sick: {
      [`database_transaction_conflicts_total{${ORDER},kind="lock_timeout",outcome="given_up"}`]: '0 0 2x20',
      [`database_transaction_conflicts_total{${ORDER},kind="deadlock",outcome="retried"}`]: '0+1x20',
    },
    at: '3m',
    labels: { service: 'order' },
    well: {
      [`database_transaction_conflicts_total{${ORDER},kind="deadlock",outcome="given_up"}`]: '0x20',
      [`database_transaction_conflicts_total{${ORDER},kind="deadlock",outcome="retried"}`]: '0+1x20',
    },
  },
  flag('KafkaUnreadable', 'ops_read_failed{service="ops-console",part="log"}', {}),
  {
    ...flag('ConsumerWaits', `events_consumer_waiting{${ORDER},group="order"}`, { group: 'order' }),
    well: { [`events_consumer_waiting{${ORDER},group="data-platform"}`]: '1x40' },
  },
  flag('SchemaIdLost', `events_schema_id_lost{${ORDER},type="order-created"}`, {
    ...{ service: 'order', type: 'order-created' },
  }),
  {
    alert: 'RedisAway',
    sick: { 'coupon_door_available{service="coupon"}': '1 0x40' },
    at: '3m',
    labels: {},
    well: { 'coupon_door_available{service="coupon"}': '1x40' },
  },
  flag('IssuerAway', 'gateway_issuer_away{service="gateway"}', {}),
  {
    alert: 'BreakerOpen',
    // While the upstream hangs, the breaker is half open most of the time: it asks for its health.
    sick: {
      'gateway_breaker_state{service="gateway",upstream="catalog",state="open"}': '0 1 0 0 0 1 0 0 0 1 0 0 0 1',
      'gateway_breaker_state{service="gateway",upstream="catalog",state="half_open"}': '0 0 1 1 1 0 1 1 1 0 1 1 1 0',
    },
    at: '3m',
    labels: { upstream: 'catalog' },
    well: { 'gateway_breaker_state{service="gateway",upstream="catalog",state="closed"}': '1x40' },
  },
  {
    alert: 'DataPlatformAway',
    sick: {
      [`data_platform_breaker_state{${ORDER},state="open"}`]: '0 1 0 0'.concat(' 1 0 0'.repeat(20)),
      [`data_platform_breaker_state{${ORDER},state="half_open"}`]: '0 0 1 1'.concat(' 0 1 1'.repeat(20)),
      [`events_consumer_waiting{${ORDER},group="data-platform"}`]: '0 1x60',
    },
    mended: {
      series: {
        [`data_platform_breaker_state{${ORDER},state="half_open"}`]: '0 1x30 0x20',
        [`events_consumer_waiting{${ORDER},group="data-platform"}`]: '0 1x30 0x20',
      },
      at: '8m',
    },
    at: '8m',
    labels: {},
    // Half open without a call: the instance lost its partitions meanwhile.
    well: {
      [`data_platform_breaker_state{${ORDER},state="open"}`]: '0 1 1 1 0x40',
      [`data_platform_breaker_state{${ORDER},state="half_open"}`]: '0 0 0 0 1x40',
      [`events_consumer_waiting{${ORDER},group="data-platform"}`]: '0 1 1 1 0x40',
    },
  },
];

const place = 'group="payment",topic="order-events",partition="3"';
const messages: AlertCase[] = [
  flag('PartitionHalted', `events_partition_halted{service="payment",${place}}`, {
    ...{ group: 'payment', topic: 'order-events', partition: '3' },
  }),
  flag('GroupHalted', 'events_group_halted{service="payment",group="payment"}', { group: 'payment' }),
  flag('ConsumerRestarts', 'events_consumer_restarting{service="payment",group="payment"}', { group: 'payment' }),
  {
    alert: 'MessagesLate',
    sick: { 'events_delay_seconds{service="payment",group="payment"}': '0+15x40' },
    at: '4m',
    labels: { group: 'payment' },
    well: {
      'events_delay_seconds{service="payment",group="payment"}': '2x40',
      [`events_delay_seconds{${ORDER},group="data-platform"}`]: '600x40',
    },
  },
  {
    alert: 'OutboxLate',
    sick: { [`outbox_oldest_age_seconds{${ORDER}}`]: '0+15x40' },
    at: '3m',
    labels: { service: 'order' },
    well: { [`outbox_oldest_age_seconds{${ORDER}}`]: '0.3x40' },
  },
  {
    alert: 'NobodyRelays',
    sick: { [`outbox_relay_holder{${ORDER}}`]: '0x40', [`outbox_relay_holder{${OTHER}}`]: '1 0x40' },
    at: '4m',
    labels: { service: 'order' },
    well: { [`outbox_relay_holder{${ORDER}}`]: '0x40', [`outbox_relay_holder{${OTHER}}`]: '1x40' },
  },
  flag('TopicRefused', `outbox_topic_refused{${ORDER},topic="order-events",reason="UNKNOWN_TOPIC_OR_PARTITION"}`, {
    ...{ service: 'order', topic: 'order-events', reason: 'UNKNOWN_TOPIC_OR_PARTITION' },
  }),
  {
    alert: 'DeadLetters',
    // At times the database is slow to answer the console.
    sick: {
      'dead_letters_open{service="ops-console",group="payment",state="dead"}': '0 3 3 stale 3 3 3 stale 3 3 stale',
    },
    at: '150s',
    labels: { group: 'payment' },
    mended: {
      series: { 'dead_letters_open{service="ops-console",group="payment",state="dead"}': '0 3x20 0x20' },
      at: '8m',
    },
    well: { 'dead_letters_open{service="ops-console",group="payment",state="dead"}': '0x40' },
  },
  {
    alert: 'DeadLettersOld',
    sick: { 'dead_letters_oldest_age_seconds{service="ops-console",group="payment"}': '4000x10' },
    at: '1m',
    labels: { group: 'payment' },
    well: { 'dead_letters_oldest_age_seconds{service="ops-console",group="payment"}': '600x10' },
  },
];

const EXPIRED = 'status="CANCELLED",reason="ORDER_DEADLINE_EXCEEDED"';
const orders: AlertCase[] = [
  {
    alert: 'OrdersNearDeadline',
    sick: { [`order_oldest_underway_seconds{${ORDER}}`]: '0+15x20' },
    at: '3m',
    labels: {},
    well: { [`order_oldest_underway_seconds{${ORDER}}`]: '4x20', [`order_oldest_pending_seconds{${ORDER}}`]: '29x20' },
  },
  {
    alert: 'OrdersTimeOut',
    mended: { series: { [`orders_ended_total{${ORDER},${EXPIRED},in_line="no"}`]: '0 0 4x60' }, at: '12m' },
    // The series begins with the process, at 0.
    sick: { [`orders_ended_total{${ORDER},${EXPIRED},in_line="no"}`]: '_ _ _ 0 4x20' },
    at: '3m',
    labels: {},
    well: {
      [`orders_ended_total{${ORDER},status="CANCELLED",reason="INSUFFICIENT_BALANCE",in_line="no"}`]: '0+4x20',
      [`orders_ended_total{${ORDER},${EXPIRED},in_line="yes"}`]: '0+4x20',
    },
  },
  {
    alert: 'InvariantBroken',
    // The console starts anew while it is broken.
    sick: { 'audit_findings{service="ops-console",invariant="2"}': '0 4 4 stale _ _ _ 4x10' },
    at: '90s',
    labels: { invariant: '2' },
    well: { 'audit_findings{service="ops-console",invariant="2"}': '_ _ 0x10' },
    mended: {
      series: { 'audit_findings{service="ops-console",invariant="2"}': '0 4x10 0x60' },
      at: '13m',
    },
  },
  {
    alert: 'AuditMissing',
    // The console starts anew every ten minutes, and no audit ends.
    sick: {
      'audit_last_end_timestamp_seconds{service="ops-console"}': '0x80 _ _ 0x40 _ _ 0x40 _ _ 0x300',
      'audit_interval_seconds{service="ops-console"}': '900x80 _ _ 900x40 _ _ 900x40 _ _ 900x300',
    },
    at: '90m',
    labels: {},
    mended: {
      series: {
        'audit_last_end_timestamp_seconds{service="ops-console"}': '0x320 4815x30',
        'audit_interval_seconds{service="ops-console"}': '900x350',
      },
      at: '81m',
    },
    // A restart forgets the last end; the audit at once after it is under way.
    well: {
      'audit_last_end_timestamp_seconds{service="ops-console"}': '0+15x342 _ _ 0x12',
      'audit_interval_seconds{service="ops-console"}': '900x342 _ _ 900x12',
    },
  },
  {
    alert: 'AuditMissing',
    sick: { 'up{job="shop",service="order"}': '1x300' },
    at: '30m',
    labels: {},
    // There is no schedule.
    well: {
      'audit_last_end_timestamp_seconds{service="ops-console"}': '0x300',
      'audit_interval_seconds{service="ops-console"}': '0x300',
    },
  },
];

export const ALERT_CASES: readonly AlertCase[] = [...processes, ...overload, ...dependencies, ...messages, ...orders];
