import { setTimeout as sleep } from 'node:timers/promises';
import { createCallerVerifier, createEventStreams, createRuntime, loadConfig, oneAtATime } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import { readAddresses } from '../ops/src/addresses.ts';
import { SWEEP_MS } from '../ops/src/audit/check.ts';
import { GROUPS } from '../ops/src/audit/groups.ts';
import { openLog } from '../ops/src/kafka-log.ts';
import { RUNNING_TOPICS } from '../ops/src/running-events.ts';
import { connectSql, LOOK_MS } from '../ops/src/sql.ts';
import { readLags } from '../ops/src/status/lags.ts';
import { readOpenLetters } from '../ops/src/status/letters.ts';
import { whatIsWrong } from '../ops/src/status/problems.ts';
import { readStatus } from '../ops/src/status/read.ts';
import { withClosing } from '../ops/src/with-closing.ts';
import { createApp } from './app.ts';
import { createAudits } from './audit/audits.ts';
import { auditInWorker } from './audit/run-audit.ts';
import { configSchema } from './config.ts';
import { createGatewayClient } from './rush/gateway.ts';
import { prepareRush } from './rush/prepare.ts';
import { createRushes } from './rush/rushes.ts';
import { createScheduledAudit } from './watch/scheduled-audit.ts';
import { measureShop } from './watch/shop-measures.ts';

const MAX_STREAMS = 50;

const runtime = createRuntime('ops-console', loadConfig(configSchema));
const { config, logger, metrics, health, shutdown } = runtime;
const addresses = readAddresses();

const audits = createAudits({
  ...{ run: auditInWorker(addresses, config.ORDER_DEADLINE_MS + SWEEP_MS), newId: uuidv7 },
  ended: (task, verdict) => scheduled.note(task, verdict),
});
const rushes = createRushes({
  openClient: (connections) => createGatewayClient(addresses.gateway, connections),
  prepare: (wish, rushId, ask) =>
    withClosing(
      () => connectSql(addresses.auditDatabase),
      (sql) => prepareRush(wish, rushId, { ask, sql, now: Date.now }),
    ),
  audits,
  newId: uuidv7,
  clock: () => performance.now(),
  logger,
});
const scheduled = createScheduledAudit({
  ...{ metrics, audits, now: Date.now, wait: (ms, signal) => sleep(ms, undefined, { signal }) },
  sinceMs: config.AUDIT_SINCE_MINUTES * 60_000,
  everyMs: config.AUDIT_EVERY_MINUTES * 60_000,
});
if (config.AUDIT_EVERY_MINUTES > 0)
  runtime.repeat({ name: 'audit', everyMs: config.AUDIT_EVERY_MINUTES * 60_000, run: scheduled.run }).trigger();
measureShop({
  metrics,
  groups: GROUPS.map(({ group }) => group),
  reads: {
    lags: () =>
      withClosing(
        () => openLog(addresses.brokers),
        async (log) => readLags(log, await log.held(RUNNING_TOPICS)),
      ),
    letters: () => withClosing(() => connectSql(addresses.auditDatabase, LOOK_MS), readOpenLetters),
  },
});
const status = oneAtATime(async () => {
  const state = await readStatus(addresses);
  const lastAudit = scheduled.shown();
  return { ...state, problems: [...whatIsWrong(state), ...scheduled.problems()], ...(lastAudit && { lastAudit }) };
});
const streams = createEventStreams({ maxStreams: MAX_STREAMS });
const callers = createCallerVerifier(config.INTERNAL_KEYS);

await runtime.listen(createApp({ logger, metrics, health, callers, audits, rushes, status, streams, now: Date.now }));
// Stopped before the server, so that nothing new begins and no stream keeps the server open.
shutdown.onStop('rushes', () => Promise.all([audits.stop(), rushes.stop()]).then(() => streams.close()));
