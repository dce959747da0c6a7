import { join } from 'node:path';
import { chosenStack } from '../../deploy/local/chosen-stack.ts';
import { readRecords } from '../../deploy/local/processes.ts';
import {
  migrate,
  openStack,
  type ServiceProcess,
  type Stack,
  startInfra,
  startService,
  stopOwnStack,
} from '../../deploy/local/stack.ts';
import { instancesOf, type ServiceName, serviceRow, services, startSteps } from '../../deploy/local/topology.ts';
import { type Addresses, readAddresses } from '../../ops/src/addresses.ts';
import type { Watched } from './processes.ts';
import { wantsTokens } from './tokens.ts';

/** The system under load. */
export interface Target {
  readonly addresses: Addresses;
  /** Every process on this machine at present: a service that was paused is another process afterwards. */
  readonly processes: () => readonly Watched[];
  /** The running parts, in words, for the report. */
  readonly description: string;
  /** True when its gateway requires tokens. */
  readonly auth: boolean;
  /** The stack's name. */
  readonly stack: string;
  /** Stops every instance of a service. @returns starts them again. Absent when the target is not ours. */
  readonly pause?: (service: ServiceName) => Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/** Ports apart from the terminal's stack, so that both may run. */
function benchStack(): { name: string; portOffset: number } {
  const { name, portOffset } = chosenStack();
  return { name: name === 'dev' ? 'bench' : `${name}-bench`, portOffset: portOffset + 2_000 };
}

export interface TargetOptions {
  /** True when its gateway requires tokens. */
  readonly auth?: boolean;
  /** Variables for each of its services. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the benchmark's own stack, from empty data; `close` stops it. */
export async function startTarget(
  instances: number,
  say: (words: string) => void,
  { auth = false, env = {} }: TargetOptions = {},
): Promise<Target> {
  const stack = await startInfra({
    ...benchStack(),
    fresh: true,
    kafkaHeapForLoad: true,
    instances,
  });
  const running = new Map<ServiceName, ServiceProcess[]>();
  const start = async (service: ServiceName): Promise<void> => {
    const started = await Promise.all(
      Array.from({ length: instancesOf(serviceRow(service), instances) }, (_, index) =>
        startService(stack, {
          service,
          instance: index + 1,
          instances,
          env: {
            LOG_LEVEL: 'warn',
            // In production the gateway refuses to be without tokens.
            NODE_ENV: service === 'gateway' ? 'benchmark' : 'production',
            RATE_LIMIT_USER: 'off',
            RATE_LIMIT_ADDRESS: 'off',
            GATEWAY_AUTH: auth ? 'on' : 'off',
            ...env,
          },
        }),
      ),
    );
    running.set(service, started);
    await Promise.all(started.map((each) => each.ready()));
  };
  try {
    await migrate(stack);
    for (const step of startSteps(services)) await Promise.all(step.map(({ name }) => start(name)));
    say(`the stack ${stack.name} runs, ${instances} of each service`);
  } catch (error) {
    await stack.stop();
    throw error;
  }
  return {
    ...targetOf(stack),
    auth,
    stack: stack.name,
    description: `a stack of its own, fresh, ${instances} instance${instances > 1 ? 's' : ''} of each service${auth ? ', with tokens' : ''}`,
    pause: async (service) => {
      await Promise.all(running.get(service)?.map((each) => each.stop()) ?? []);
      return () => start(service);
    },
    close: () => stack.stop(),
  };
}

/** Stops the stack of `startTarget`, even while it is starting. */
export async function stopTarget(): Promise<void> {
  await stopOwnStack(benchStack().name);
}

/** Uses the running stack (`npm start`), and leaves it running. */
export async function useRunningTarget(): Promise<Target> {
  const stack = openStack(chosenStack().name);
  const target = targetOf(stack);
  return {
    ...target,
    auth: await wantsTokens(target.addresses.gateway),
    stack: stack.name,
    description: `the running stack \`${stack.name}\`, with the data it had`,
    close: () => Promise.resolve(),
  };
}

function targetOf(stack: Stack): Pick<Target, 'addresses' | 'processes'> {
  return {
    addresses: readAddresses(stack.env),
    processes: () => readRecords(join(stack.dir, 'pids')).map(({ name, pid }) => ({ name, pid })),
  };
}
