import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { brokerNames, type StackLayout, serverPort } from './addresses.ts';
import type { Cluster, Site } from './parts/server.ts';
import { stackDir } from './paths.ts';
import { portComesFree, takenPort, whoListens } from './ports.ts';
import {
  endProcess,
  forgetRecord,
  goneWithin,
  isRunning,
  launch,
  type PidRecord,
  readRecord,
  signalGroup,
  tail,
} from './processes.ts';
import { progress } from './progress.ts';
import { StackError } from './stack-error.ts';
import { type BrokerName, brokers, type PartName, portsOf, serverRow } from './topology.ts';

/** One server of a stack, identified by its pid record, so any process may stop or start it. */
export interface Part {
  name: PartName;
  port: number;
  log: string;
  running(): boolean;
  /** Fetches, prepares and starts the server; settles once it is ready. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Kills the server without warning, like a crash. */
  kill9(): Promise<void>;
}

const readyWithinMs = 90_000;

/** @param load settings for load instead of a quick start */
export function openPart(layout: StackLayout, name: PartName, load: boolean): Part {
  const row = serverRow(name);
  const dir = stackDir(layout.name);
  const pids = join(dir, 'pids');
  const cluster = clusterOf(layout, name, dir);
  const site: Site = { data: join(dir, name), port: serverPort(layout, name), load, ...(cluster && { cluster }) };
  const log = join(dir, 'logs', `${name}.log`);
  const record = () => readRecord(pids, name);
  return {
    name,
    port: site.port,
    log,
    running: () => isRunningRecord(record()),
    async start() {
      if (isRunningRecord(record())) return;
      const started = Date.now();
      await row.server.install();
      await row.server.prepare(site);
      for (const port of portsOf(row, site.port)) {
        if (!(await portComesFree(port)))
          throw new StackError(takenPort(name, port, whoListens(port), row.instead.join(', ')));
      }
      const { env, ...command } = await row.server.command(site);
      const process_ = await launch({ name, ...command, env: { ...process.env, ...env }, log, pids });
      await untilReady(name, process_, () => row.server.probe(site));
      progress(name, `ready on port ${site.port} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
    },
    async stop() {
      const current = record();
      if (!current) return;
      await endProcess(current, 'SIGTERM', row.server.graceMs);
      forgetRecord(pids, current);
    },
    async kill9() {
      const current = record();
      if (!current) return;
      signalGroup(current, 'SIGKILL');
      await goneWithin(current, 10_000);
      forgetRecord(pids, current);
    },
  };
}

function isBroker(name: PartName): name is BrokerName {
  return brokers.some((row) => row.name === name);
}

/** The brokers of a stack with several. */
function clusterOf(layout: StackLayout, name: PartName, dir: string): Cluster | undefined {
  const names = brokerNames(layout);
  if (!isBroker(name) || names.length < 2) return undefined;
  return { id: dir, index: names.indexOf(name), ports: names.map((each) => serverPort(layout, each)) };
}

function isRunningRecord(record: PidRecord | undefined): boolean {
  return record !== undefined && isRunning(record);
}

/** Waits until a probe succeeds; fails when the process ends first or after the time limit. */
export async function untilReady(
  name: string,
  record: PidRecord,
  probe: () => Promise<void>,
  withinMs = readyWithinMs,
): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    const failure = await probe().then(
      () => undefined,
      (error: Error) => error,
    );
    // Only while the process runs: another program may answer on the port.
    if (!isRunning(record))
      throw new StackError(`${name} ended while starting; its log (${record.log}) ends:\n${tail(record, 15)}`);
    if (!failure) return;
    if (Date.now() > end) {
      throw new StackError(
        `${name} is not ready after ${withinMs / 1000} s (${failure.message}); its log is ${record.log}`,
      );
    }
    await sleep(40);
  }
}
