import { join } from 'node:path';
import { chosenStack } from '../../../deploy/local/chosen-stack.ts';
import { readRecords } from '../../../deploy/local/processes.ts';
import { startInfra, stopOwnStack } from '../../../deploy/local/stack.ts';
import type { Watched } from '../processes.ts';
import type { Experiment } from './experiment.ts';

export interface Servers {
  readonly env: Readonly<Record<string, string>>;
  readonly processes: readonly Watched[];
  stop(): Promise<void>;
}

/** Ports apart from the terminal's stack, its tests' and its benchmark's, so that all may run. */
function place(): { name: string; portOffset: number } {
  const { name, portOffset } = chosenStack();
  return { name: name === 'dev' ? 'experiment' : `${name}-experiment`, portOffset: portOffset + 3_000 };
}

/** Starts the servers that an experiment needs, from empty data. */
export async function startServers({ parts }: Experiment): Promise<Servers> {
  const stack = await startInfra({ ...place(), parts, fresh: true });
  const processes = readRecords(join(stack.dir, 'pids')).map(({ name, pid }) => ({ name, pid }));
  return { env: stack.env, processes, stop: () => stack.stop() };
}

/** Stops the stack of `startServers`, even while it is starting. */
export function stopServers(): Promise<void> {
  return stopOwnStack(place().name);
}
