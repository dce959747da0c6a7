import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { stackDir } from '../../deploy/local/paths.ts';
import { readDemoKey, signDemoToken } from '../../ops/src/demo/tokens.ts';
import { type LoadPlan, requestCount } from './plan.ts';

const LIFETIME_MS = 86_400_000;
/** Tokens signed at once; libuv's threads take them in turn. */
const AT_ONCE = 500;

/**
 * Adds a token for each user to the plan, where the target's gateway requires tokens. They are made before the load.
 */
export async function withTokens(
  plan: LoadPlan,
  { auth, stack }: { readonly auth: boolean; readonly stack: string },
): Promise<LoadPlan> {
  if (!auth || plan.internalKeys) return plan;
  return { ...plan, tokens: await tokensFile(stack, lastUser(plan)) };
}

function lastUser(plan: LoadPlan): number {
  switch (plan.traffic.kind) {
    case 'orders':
      return plan.traffic.users;
    case 'coupons':
    case 'claims':
      return plan.traffic.firstUser + requestCount(plan).total;
    case 'reads':
      return 0;
  }
}

/** Whether a gateway requires a token. */
export async function wantsTokens(gateway: string): Promise<boolean> {
  const answer = await request(`${gateway}/points?userId=1`);
  await answer.body.dump();
  return answer.statusCode === 401;
}

/**
 * A file of tokens that a local stack's gateway accepts, one a line: line n has that of user n, line 0 an operator's.
 * It is kept in the stack's folder, so that only the first load of so many users is delayed.
 */
export async function tokensFile(stack: string, users: number): Promise<string> {
  const dir = stackDir(stack);
  const [file, keyFile] = [join(dir, 'tokens'), join(dir, 'demo-key.pem')];
  const tokens = keptTokens(file, statSync(keyFile).mtimeMs);
  if (tokens.length > users) return file;
  const key = await readDemoKey(keyFile);
  const exp = Math.floor((Date.now() + LIFETIME_MS) / 1_000);
  while (tokens.length <= users) {
    const next = Array.from({ length: Math.min(AT_ONCE, users + 1 - tokens.length) }, (_, i) => tokens.length + i);
    const sign = (user: number) =>
      signDemoToken(key, user === 0 ? { sub: '1', scope: 'ops', exp } : { sub: String(user), exp });
    tokens.push(...(await Promise.all(next.map(sign))));
  }
  writeFileSync(`${file}.new`, tokens.join('\n'), { mode: 0o600 });
  renameSync(`${file}.new`, file);
  return file;
}

/** Kept tokens that are valid for long enough and signed with the present key. */
function keptTokens(file: string, keyMadeAt: number): string[] {
  if (!existsSync(file)) return [];
  const madeAt = statSync(file).mtimeMs;
  return madeAt < keyMadeAt || madeAt < Date.now() - LIFETIME_MS / 2 ? [] : readFileSync(file, 'utf8').split('\n');
}
