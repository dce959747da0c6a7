import { execFileSync, fork } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { localDir, root, toolsDir } from '../../../deploy/local/paths.ts';
import { type Addresses, readAddresses } from '../../../ops/src/addresses.ts';
import type { Watched } from '../processes.ts';
import type { AuditSummary } from '../results.ts';
import type { SideCommand, SideMessage } from './side-messages.ts';

/** A checkout that is measured. */
export interface Checkout {
  readonly root: string;
  /** Its commit in words, for the report. */
  readonly commit: string;
}

/** A running stack, started by its checkout's own code. */
export interface Side {
  readonly addresses: Addresses;
  readonly rootDatabase: string;
  readonly processes: readonly Watched[];
  /** Its folder of data and logs. */
  readonly dir: string;
  /** Waits until the stack is idle. */
  idle(timeoutMs: number): Promise<void>;
  audit(): Promise<AuditSummary>;
  stop(): Promise<void>;
}

const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();

/** This checkout in its present state. */
export function thisCheckout(): Checkout {
  const changed =
    git(
      'status',
      '--porcelain',
      '--',
      'libs',
      'services',
      'storefront',
      'deploy',
      'ops',
      'ops-console',
      'package-lock.json',
    ) !== '';
  return { root, commit: `${git('rev-parse', '--short', 'HEAD')}${changed ? ', with changes' : ''}` };
}

/**
 * A checkout of a commit with its packages installed: this checkout when it is at that commit, else a git worktree
 * below `.local/`, which is kept for later runs.
 */
export function checkoutOf(commit: string, say: (words: string) => void): Checkout {
  const sha = revision(commit);
  const here = thisCheckout();
  if (sha === git('rev-parse', 'HEAD') && !here.commit.includes('changes')) return here;
  const short = git('rev-parse', '--short', sha);
  const folder = join(localDir, 'compare-checkouts', short);
  if (!existsSync(join(folder, 'package.json'))) {
    mkdirSync(dirname(folder), { recursive: true });
    git('worktree', 'prune');
    git('worktree', 'add', '--force', '--detach', folder, sha);
  }
  say(`the checkout of ${short}: packages and clients`);
  // Every command of the launcher installs the packages first, at any commit; `stop` does nothing else.
  execFileSync(process.execPath, [join(folder, 'deploy/local/launch.mjs'), 'stop'], {
    cwd: folder,
    env: { ...sideEnv({}), SHOP_STACK: 'nothing' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { root: folder, commit: short };
}

function revision(commit: string): string {
  try {
    return git('rev-parse', '--verify', '--quiet', `${commit}^{commit}`);
  } catch {
    throw new Error(`there is no commit ${commit} here`);
  }
}

/**
 * The environment of a side: this terminal's, without the addresses of its own stack.
 * @param more further variables of the side
 */
export function sideEnv(
  more: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  const isAddress = (name: string) =>
    /^(MYSQL_(HOST|PORT|ROOT)|KAFKA_|SHOP_STACK|SHOP_PORT|SHOP_WITH|INTERNAL_KEYS|npm_)/.test(name) ||
    /_URLS?$/.test(name);
  const own = Object.entries(env).filter(([name]) => !isAddress(name));
  return { ...Object.fromEntries(own), SHOP_TOOLS_DIR: toolsDir, ...more };
}

/**
 * Starts a checkout's stack from empty data, with the demo data.
 * @param env for its servers and services
 * @param name of the stack; two stacks of one checkout need two
 */
export async function startSide(
  checkout: Checkout,
  portOffset: number,
  env: Readonly<Record<string, string>>,
  name = 'compare',
): Promise<Side> {
  const child = fork(
    fileURLToPath(new URL('./side.ts', import.meta.url)),
    [checkout.root, String(portOffset), JSON.stringify(env), name],
    {
      cwd: checkout.root,
      env: { ...sideEnv(env), NODE_COMPILE_CACHE: join(checkout.root, '.local/compile-cache') },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    },
  );
  // Its progress is shown only when it fails.
  let words = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    words = `${words}${chunk.toString('utf8')}`.slice(-4_000);
  });
  const next = (): Promise<SideMessage> =>
    new Promise((done, failed) => {
      const onExit = (code: number | null) =>
        failed(new Error(`the side of ${checkout.commit} ended with ${code}:\n${words}`));
      child.once('exit', onExit);
      child.once('message', (message: SideMessage) => {
        child.off('exit', onExit);
        if (message.kind === 'failed') failed(new Error(`the side of ${checkout.commit}: ${message.message}`));
        else done(message);
      });
    });
  const ask = async (command: SideCommand): Promise<SideMessage> => {
    const answer = next();
    child.send(command);
    return await answer;
  };
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  const end = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    await gone;
  };
  const first = await next().catch(async (error: Error) => {
    await end();
    throw error;
  });
  if (first.kind !== 'started') throw new Error(`the side of ${checkout.commit} did not start`);
  return {
    addresses: readAddresses(first.env),
    rootDatabase: first.env.MYSQL_ROOT_URL ?? '',
    processes: first.processes,
    dir: first.dir,
    idle: async (timeoutMs) => void (await ask({ kind: 'idle', timeoutMs })),
    async audit() {
      const answer = await ask({ kind: 'audit' });
      if (answer.kind !== 'done' || !answer.audit) throw new Error(`the side of ${checkout.commit} gave no audit`);
      return answer.audit;
    },
    stop: end,
  };
}
