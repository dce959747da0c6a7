import { type ServiceProcess, type Stack, startService } from '../../deploy/local/stack.ts';
import type { ServiceName } from '../../deploy/local/topology.ts';
import { SERVICE_NAMES } from '../../services/services.ts';
import { afterSharing } from '../runner/sharing.ts';
import { Api } from './api.ts';
import { loadContract } from './contract.ts';
import { PATIENT } from './patient.ts';
import { testStack, wipe } from './stack.ts';

/** Includes the data platform, so that every audit also checks its deliveries. */
const BEHIND_THE_GATEWAY: readonly ServiceName[] = SERVICE_NAMES;

/** No limits: tests send more requests than a user would, all from one address. */
const TEST_ENV = { LOG_LEVEL: 'info', RATE_LIMIT_USER: 'off', RATE_LIMIT_ADDRESS: 'off' };

/**
 * A heap that begins large. Most processes of tests live for seconds, and collecting while their modules are loaded
 * took a seventh of their start.
 */
export const SHORT_LIVED = ['--min-semi-space-size=16', '--initial-old-space-size=128'] as const;

export interface SystemOptions {
  /** Default: the one that the test command started. */
  readonly stack?: Stack;
  /** Number of instances of each service to start. The gateway is told of `knownInstances`. */
  readonly instances?: number;
  /** Number of instances of each service that the gateway may call, running or not. Default: `instances`. */
  readonly knownInstances?: number;
  /** Whether the gateway requires tokens. Default `off`: requests name their user. */
  readonly auth?: 'on' | 'off';
  /** Extra environment for every service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The whole shop on a test's stack: real servers, real processes. */
export interface System {
  readonly stack: Stack;
  readonly api: Api;
  /** Start of this system; older data is not its own. */
  readonly startedAt: Date;
  /** Starts a stopped instance and waits until it is ready. */
  start(service: ServiceName, instance?: number, env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  process(service: ServiceName, instance?: number): ServiceProcess;
  /** Ends every process like an operator; fails if one had to be killed or had ended by itself. */
  stop(): Promise<void>;
}

let shared: Promise<System> | undefined;

/**
 * A shop that all files of tests share which need nothing of their own: users, products and policies are new ones, and
 * nothing is counted over all rows. It is started with the first file. No file stops it.
 */
export function sharedSystem(): Promise<System> {
  if (!shared) {
    shared = startSystem({ env: PATIENT });
    afterSharing(async () => {
      const system = await shared;
      shared = undefined;
      await system?.stop();
    });
  }
  return shared;
}

/** Starts the shop from empty schemas and topics. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { instances = 1, knownInstances = instances, auth = 'off', env = {} } = options;
  const { stack = testStack() } = options;
  const startedAt = new Date();
  await wipe(stack);
  const processes = new Map<string, ServiceProcess>();

  const start: System['start'] = async (service, instance = 1, extra = {}) => {
    const started = await startService(stack, {
      service,
      instance,
      instances: knownInstances,
      env: { ...TEST_ENV, GATEWAY_AUTH: auth, ...env, ...extra },
      flags: SHORT_LIVED,
    });
    processes.set(started.name, started);
    try {
      await started.ready();
    } catch (error) {
      throw new Error(`${started.name} did not start:\n${started.output(30)}`, { cause: error });
    }
    return started;
  };
  const stop = async () => {
    const gateways = [...processes.values()].filter((process) => process.name.startsWith('gateway'));
    const platforms = [...processes.values()].filter((process) => process.name.startsWith('data-platform'));
    const others = [...processes.values()].filter((it) => !gateways.includes(it) && !platforms.includes(it));
    const unwell: string[] = [];
    for (const group of [gateways, others, platforms]) {
      await Promise.all(
        group.map(async (process) => {
          if (!process.running()) unwell.push(`${process.name} was gone:\n${process.output(10)}`);
          else if (!(await process.stop())) unwell.push(`${process.name} did not stop in time:\n${process.output(10)}`);
        }),
      );
    }
    processes.clear();
    if (unwell.length > 0) throw new Error(unwell.join('\n\n'));
  };

  const system: System = {
    stack,
    api: new Api(stack.env.GATEWAY_URL ?? '', undefined, loadContract()),
    startedAt,
    start,
    process(service, instance = 1) {
      const process = processes.get(`${service}-${instance}`);
      if (!process) throw new Error(`${service}-${instance} was not started`);
      return process;
    },
    stop,
  };
  try {
    const all = Array.from({ length: instances }, (_, index) => index + 1);
    const behind = all.flatMap((instance) => BEHIND_THE_GATEWAY.map((service) => start(service, instance)));
    await Promise.all([...behind, start('data-platform'), start('gateway')]);
    return system;
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}
