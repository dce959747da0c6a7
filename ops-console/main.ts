import { createCallerVerifier, createEventStreams, createRuntime, loadConfig, oneAtATime } from '@shop/chassis';
import { v7 as uuidv7 } from 'uuid';
import { readAddresses } from '../ops/src/addresses.ts';
import { connectSql } from '../ops/src/sql.ts';
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

const MAX_STREAMS = 50;

const runtime = createRuntime('ops-console', loadConfig(configSchema));
const { config, logger, metrics, health, shutdown } = runtime;
const addresses = readAddresses();

const audits = createAudits({ run: auditInWorker(addresses), newId: uuidv7 });
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
const status = oneAtATime(async () => {
  const state = await readStatus(addresses);
  return { ...state, problems: whatIsWrong(state) };
});
const streams = createEventStreams({ maxStreams: MAX_STREAMS });
const callers = createCallerVerifier(config.INTERNAL_KEYS);

await runtime.listen(createApp({ logger, metrics, health, callers, audits, rushes, status, streams, now: Date.now }));
// Stopped before the server, so that nothing new begins and no stream keeps the server open.
shutdown.onStop('rushes', () => Promise.all([audits.stop(), rushes.stop()]).then(() => streams.close()));
