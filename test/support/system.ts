import { type ServiceProcess, type Stack, startService } from '../../deploy/local/stack.ts';
import type { ServiceName } from '../../deploy/local/topology.ts';
import { SERVICE_NAMES } from '../../services/services.ts';
import { Api } from './api.ts';
import { loadContract } from './contract.ts';
import { testStack, wipe } from './stack.ts';

/** The data platform is always there, so that every audit also checks what it got. */
const BEHIND_THE_GATEWAY: readonly ServiceName[] = SERVICE_NAMES;

/** Tests ask more often than a user would, all from one address. */
const TEST_ENV = { LOG_LEVEL: 'info', RATE_LIMIT_USER: 'off', RATE_LIMIT_ADDRESS: 'off' };

export interface SystemOptions {
  /** How many of each service start. The gateway is told of `knownInstances`. */
  readonly instances?: number;
  /** How many instances of each service the gateway may call, whether they run or not. Default: `instances`. */
  readonly knownInstances?: number;
  /** Whether the gateway wants tokens. Default `off`: requests name their user. */
  readonly auth?: 'on' | 'off';
  /** Extra environment for every service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The whole shop on a test's stack: real servers, real processes. */
export interface System {
  readonly stack: Stack;
  readonly api: Api;
  /** Nothing older than this is this system's. */
  readonly startedAt: Date;
  /** Starts an instance that does not run and waits until it is ready. */
  start(service: ServiceName, instance?: number, env?: Readonly<Record<string, string>>): Promise<ServiceProcess>;
  process(service: ServiceName, instance?: number): ServiceProcess;
  /** Ends every process, as an operator would; fails if one had to be killed or ended by itself before. */
  stop(): Promise<void>;
}

/** Starts the shop from empty schemas and topics. */
export async function startSystem(options: SystemOptions = {}): Promise<System> {
  const { instances = 1, knownInstances = instances, auth = 'off', env = {} } = options;
  const stack = testStack();
  const startedAt = new Date();
  await wipe(stack);
  const processes = new Map<string, ServiceProcess>();

  const start: System['start'] = async (service, instance = 1, extra = {}) => {
    const started = await startService(stack, {
      service,
      instance,
      instances: knownInstances,
      env: { ...TEST_ENV, GATEWAY_AUTH: auth, ...env, ...extra },
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
