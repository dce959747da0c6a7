import { existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ExampleName } from '../../services/services.ts';
import {
  type ExistingServers,
  mysqlAddress,
  ownServers,
  type StackLayout,
  type StackPlace,
  serverEnv,
  stackEnv,
} from './addresses.ts';
import { openPart, type Part } from './part.ts';
import { stackDir } from './paths.ts';
import {
  endProcess,
  forgetRecord,
  isEnding,
  isRunning,
  type PidRecord,
  processIdentity,
  readRecords,
} from './processes.ts';
import { progress } from './progress.ts';
import { provision, requireCompatibility } from './provision.ts';
import { makeInternalKeys } from './secrets.ts';
import { StackError } from './stack-error.ts';
import {
  brokers as brokerRows,
  isServer,
  type PartName,
  type ServerName,
  serverRow,
  servers,
  serversOnDemand,
  startSteps,
} from './topology.ts';

export { migrate, type ServiceProcess, startService } from './service-process.ts';
export { StackError } from './stack-error.ts';

/** A named set of servers and services with its own ports and data. */
export interface Stack extends StackPlace {
  name: string;
  /** All addresses, under the names that processes read. */
  env: Record<string, string>;
  part(name: PartName): Part;
  /** Ends every process of the stack, services first. */
  stop(): Promise<void>;
}

export interface InfraOptions {
  name: string;
  /** Added to every port of the topology: 0 for `dev`, 1,000 and 2,100 for tests. */
  portOffset: number;
  /** The servers to start; default all. */
  parts?: ServerName[];
  /** Starts from empty data. */
  fresh?: boolean;
  /** Kafka with a larger heap and the optimising compiler: slower to start, faster under load. */
  kafkaHeapForLoad?: boolean;
  /** Number of instances of each service, as told to the gateway and the tools. */
  instances?: number;
  /** Servers used instead of our own. */
  existing?: ExistingServers;
  /** Number of Kafka's brokers, 1 or 3; default 1. Data that was begun with another number is refused. */
  brokers?: number;
  /** Services of examples/ that will run. */
  examples?: readonly ExampleName[];
  /** Traces every request, into a Jaeger of the stack's own. */
  traces?: boolean;
}

const dataFolders = [
  ...[...servers, ...brokerRows, ...serversOnDemand].map((row) => row.name),
  'data-platform',
  'logs',
  'demo-data',
];

/** Starts the servers of a stack, all at once, and gives each service its schema and user. */
export async function startInfra(options: InfraOptions): Promise<Stack> {
  const { name } = options;
  // First of all: what an earlier start has left may take seconds to end, and another start must not begin meanwhile.
  takeOwnership(name);
  try {
    await stopLeftovers(name);
    return await startServers(layOut(options), options);
  } catch (error) {
    giveBackOwnership(name);
    throw error;
  }
}

/** Writes down what the stack consists of. @throws {StackError} for data or servers that do not fit */
function layOut(options: InfraOptions): StackLayout {
  const { name, portOffset, existing = {}, examples = [], brokers = 1, traces = false } = options;
  const dir = stackDir(name);
  if (options.fresh) removeData(name);
  mkdirSync(dir, { recursive: true });
  if (existing.kafka) refuseOwnBrokers(brokers);
  else if (options.parts?.includes('kafka') ?? true) stampBrokers(name, brokers);
  makeInternalKeys(dir);
  const { instances = 1 } = options;
  const layout: StackLayout = { name, portOffset, instances, existing, brokers, examples, traces };
  writeFileSync(layoutFile(name), `${JSON.stringify({ layout, load: options.kafkaHeapForLoad ?? false })}\n`);
  return layout;
}

async function startServers(layout: StackLayout, { parts, existing = {} }: InfraOptions): Promise<Stack> {
  const stack = openStack(layout.name);
  const own = ownServers(layout, parts);
  try {
    for (const step of startSteps([...servers, ...brokerRows.slice(1)].filter((row) => own.includes(row.name)))) {
      // All starts are awaited even when one fails: every started part must be known before it is stopped.
      const failures = await Promise.all(
        step.map((row) =>
          stack
            .part(row.name)
            .start()
            .then(() => [], told(row.name)),
        ),
      );
      const messages = [...new Set(failures.flat())];
      if (messages.length > 0) throw new StackError(messages.join('\n'));
    }
    if (layout.traces) await stack.part('jaeger').start();
    if (own.includes('mysql') || existing.mysql) await provision(mysqlAddress(layout));
    if (own.includes('registry')) await requireCompatibility(serverEnv(layout).SCHEMA_REGISTRY_URL ?? '');
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return stack;
}

function refuseOwnBrokers(wanted: number): void {
  if (wanted > 1)
    throw new StackError(
      `--brokers ${wanted} starts brokers of our own, and KAFKA_BROKERS names others: leave one out.`,
      2,
    );
}

/**
 * The log of one broker is not that of three: services whose rows know the one would find the other empty. The number
 * is kept with the data, since the layout tells only of the last start, which may have used other servers.
 */
function stampBrokers(name: string, wanted: number): void {
  const data = join(stackDir(name), 'kafka');
  const stamp = join(data, 'brokers');
  const begun = existsSync(stamp) ? Number(readFileSync(stamp, 'utf8')) : brokersOfLayout(name, data);
  if (begun !== undefined && begun !== wanted)
    throw new StackError(
      `The data of the stack ${name} is that of ${begun === 1 ? 'one broker' : `${begun} brokers`}; \`npm run reset\` deletes it, or start with --brokers ${begun}.`,
      2,
    );
  mkdirSync(data, { recursive: true });
  writeFileSync(stamp, String(wanted));
}

/** Data without a stamp, from before there was one. */
function brokersOfLayout(name: string, data: string): number | undefined {
  if (!existsSync(data) || !existsSync(layoutFile(name))) return undefined;
  const { layout } = JSON.parse(readFileSync(layoutFile(name), 'utf8')) as { layout: StackLayout };
  return layout.existing.kafka ? undefined : (layout.brokers ?? 1);
}

/** Reports a part's failure at once, since others may still be fetching for a while. */
function told(name: string): (error: Error) => string[] {
  return (error) => {
    if (!isEnding()) progress(name, `failed: ${error.message.split('\n')[0]}`);
    return [error.message];
  };
}

/** A stack that was started by this or another process. */
export function openStack(name: string): Stack {
  if (!existsSync(layoutFile(name))) throw new StackError(`There is no stack ${name} yet; \`npm start\` makes it.`);
  const { layout, load } = JSON.parse(readFileSync(layoutFile(name), 'utf8')) as { layout: StackLayout; load: boolean };
  return {
    name,
    dir: stackDir(name),
    layout,
    env: stackEnv(layout),
    part(part) {
      if (part in layout.existing || (layout.existing.kafka && part.startsWith('kafka')))
        throw new StackError(
          `${part} of the stack ${name} is a server that existed before; it is not ours to start or stop.`,
        );
      return openPart(layout, part, load);
    },
    async stop() {
      await stopLeftovers(name);
      giveBackOwnership(name);
    },
  };
}

/** The process that started the stack and will stop it, if it still runs. */
export function stackOwner(name: string): Pick<PidRecord, 'pid' | 'identity'> | undefined {
  try {
    const owner = JSON.parse(readFileSync(ownerFile(name), 'utf8')) as PidRecord;
    return isRunning(owner) ? owner : undefined;
  } catch {
    return undefined;
  }
}

/** Stops a stack only if this process started it, or has begun to. */
export async function stopOwnStack(name: string): Promise<void> {
  if (stackOwner(name)?.pid !== process.pid) return;
  await stopLeftovers(name);
  giveBackOwnership(name);
}

/**
 * Makes this process the owner of a stack. Of two that ask at once one gets it.
 * @throws {StackError} while another process owns it
 */
function takeOwnership(name: string): void {
  mkdirSync(stackDir(name), { recursive: true });
  const file = ownerFile(name);
  const draft = `${file}.${process.pid}`;
  writeFileSync(draft, JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
  try {
    while (!linked(draft, file)) {
      const owner = stackOwner(name);
      if (owner?.pid === process.pid) return;
      if (owner)
        throw new StackError(
          `The stack ${name} is already running (pid ${owner.pid}); \`npm run stop\` ends it, then it can be started anew.`,
        );
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** @returns false where the name is taken */
function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function giveBackOwnership(name: string): void {
  if (stackOwner(name)?.pid === process.pid) rmSync(ownerFile(name), { force: true });
}

/** The recorded processes of a stack that still run. */
export function runningProcesses(name: string): PidRecord[] {
  return readRecords(join(stackDir(name), 'pids')).filter(isRunning);
}

/** Deletes the data and logs of a stack that does not run. */
export function removeData(name: string): void {
  for (const folder of dataFolders) rmSync(join(stackDir(name), folder), { recursive: true, force: true });
}

/** Ends every recorded process of a stack, services before servers. */
export async function stopLeftovers(name: string): Promise<void> {
  const pids = join(stackDir(name), 'pids');
  const records = readRecords(pids);
  const stage = (record: PidRecord) => {
    if (record.name.startsWith('gateway-')) return 0;
    return isServer(record.name) || record.name.startsWith('data-platform-') ? 2 : 1;
  };
  // Stops the gateway first, so that no requests come in; then the services; then the servers.
  const order = [0, 1, 2].map((now) => records.filter((record) => stage(record) === now));
  for (const group of order) await Promise.all(group.map((record) => end(record)));

  async function end(record: PidRecord): Promise<void> {
    const graceMs = isServer(record.name) ? serverRow(record.name).server.graceMs : 15_000;
    if (isRunning(record) && !(await endProcess(record, 'SIGTERM', graceMs))) {
      progress(record.name, `did not stop within ${graceMs / 1000} s and was killed; its log is ${record.log}`);
    }
    forgetRecord(pids, record);
  }
}

function layoutFile(name: string): string {
  return join(stackDir(name), 'stack.json');
}

function ownerFile(name: string): string {
  return join(stackDir(name), 'owner.json');
}
