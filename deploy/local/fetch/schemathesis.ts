import { join } from 'node:path';
import { ensureTool } from '../fetch.ts';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';

const version = '4.32.5';

/** The command that runs schemathesis: the installed one, else version 4.32.5, fetched once into the tools folder. */
export async function findSchemathesis(): Promise<readonly [command: string, ...args: string[]]> {
  const own = installed('schemathesis');
  if (own) return [own];
  const folder = await ensureTool(`schemathesis-${version}`, fetch);
  // Not its own starter, which contains the folder in which it was fetched before the move.
  return [join(folder, 'bin/python'), '-m', 'schemathesis.cli'];
}

async function fetch(into: string): Promise<void> {
  const python = installed('python3');
  if (!python || !(await isNewEnough(python))) {
    throw new StackError('The fuzz test needs schemathesis, or Python 3.11 or newer (python3) to fetch it with.');
  }
  await run(python, ['-m', 'venv', into]).catch((error: Error) => {
    throw new StackError(`python3 cannot make a virtual environment (Debian: python3-venv): ${error.message}`);
  });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
  await run(join(into, 'bin/python'), [...pip, `schemathesis==${version}`]);
}

function isNewEnough(python: string): Promise<boolean> {
  return run(python, ['-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).then(
    () => true,
    () => false,
  );
}
