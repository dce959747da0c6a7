import { existingServers } from '../addresses.ts';
import { chosenStack } from '../chosen-stack.ts';
import { whenAskedToEnd } from '../ending.ts';
import { isEnding } from '../processes.ts';
import { progress } from '../progress.ts';
import { startInfra, stopOwnStack } from '../stack.ts';

/** Starts the servers with their schemas and users, without services, and stays until it is stopped. */
export async function infra(): Promise<number> {
  const chosen = chosenStack();
  const ending = whenAskedToEnd(() => stopOwnStack(chosen.name));
  try {
    const stack = await startInfra({ ...chosen, existing: existingServers(process.env) });
    for (const [name, value] of Object.entries(stack.env)) console.log(`export ${name}='${value}'`);
    progress('stack', `${stack.name} is up; Ctrl-C or \`npm run stop\` ends it`);
  } catch (error) {
    // A start interrupted by the requested end fails as expected.
    if (!isEnding()) throw error;
  }
  return ending;
}
