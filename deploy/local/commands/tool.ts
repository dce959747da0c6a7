import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { existingServers, stackEnv } from '../addresses.ts';
import { chosenStack } from '../chosen-stack.ts';
import { root, stackDir } from '../paths.ts';
import { openStack, StackError } from '../stack.ts';

/** A command that runs one of the repository's programs in this terminal, with the addresses of the stack. */
export function tool(file: string): (args: string[]) => Promise<number> {
  return async (args) => {
    if (!existsSync(join(root, file))) throw new StackError(`${file} does not exist.`);
    const chosen = chosenStack();
    const layout = existsSync(join(stackDir(chosen.name), 'stack.json'))
      ? openStack(chosen.name).layout
      : { ...chosen, instances: 1, existing: existingServers(process.env) };
    return attached(process.execPath, [join(root, file), ...args], withGiven(stackEnv(layout), process.env));
  };
}

/**
 * A stack's addresses, each unless the environment gives another one, or `<name>_FILE` a file with it: a tool that is
 * told of other servers works on no part of the local stack in their stead. Other brokers have settings
 * of their own, another server other users.
 */
export function withGiven(addresses: Readonly<Record<string, string>>, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const isGiven = (name: string) => Boolean(env[name] || env[`${name}_FILE`]);
  const isOfOthers = (name: string) =>
    (name.startsWith('KAFKA_') && isGiven('KAFKA_BROKERS')) ||
    (name === 'BACKUP_DATABASE_URL' && isGiven('AUDIT_DATABASE_URL')) ||
    (name.endsWith('_MIGRATION_DATABASE_URL') && isGiven(name.replace('_MIGRATION', '')));
  const left = Object.entries(addresses).filter(([name]) => !isGiven(name) && !isOfOthers(name));
  return { ...env, ...Object.fromEntries(left) };
}

/** Runs a program in this terminal to its end, or for `timeout` ms, and forwards this process's signals to it. */
export async function attached(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
  { cwd = root, timeout = 0 } = {},
): Promise<number> {
  const child: ChildProcess = spawn(command, args, { cwd, env, stdio: 'inherit', timeout });
  // The terminal sends Ctrl-C to every program in it; only signals to this process alone are forwarded.
  const pass = (signal: NodeJS.Signals) => child.kill(signal);
  const stay = () => undefined;
  const gone = () => child.kill('SIGTERM');
  process
    .on('SIGTERM', pass)
    .on('SIGINT', process.stdin.isTTY ? stay : pass)
    .on('disconnect', gone);
  try {
    return await new Promise((done, failed) => {
      child.once('error', failed);
      child.once('exit', (code, signal) => done(code ?? (signal === 'SIGINT' ? 130 : 143)));
    });
  } finally {
    process.off('SIGTERM', pass).off('SIGINT', stay).off('SIGINT', pass).off('disconnect', gone);
  }
}
