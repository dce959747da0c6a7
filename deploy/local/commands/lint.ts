import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.ts';
import { run } from '../run.ts';
import { attached } from './tool.ts';

interface Check {
  name: string;
  /** A JavaScript program of node_modules and its arguments. */
  args: string[];
}

const folders = [
  'libs',
  'services',
  'examples',
  'ops',
  'ops-console',
  'storefront',
  'bench',
  'k6',
  'api',
  'fuzz',
  'deploy',
  'test',
];
const bin = (path: string) => join(root, 'node_modules', path);

const checks: Check[] = [
  { name: 'types', args: [bin('typescript/bin/tsc'), '-p', 'tsconfig.json'] },
  {
    name: 'types of pages',
    args: [bin('typescript/bin/tsc'), '-p', 'storefront/tsconfig.json'],
  },
  { name: 'style', args: [bin('@biomejs/biome/bin/biome'), 'check', '--max-diagnostics=30'] },
  { name: 'comments', args: [join(root, 'deploy/local/check-comments.ts')] },
  {
    name: 'imports',
    args: [
      bin('dependency-cruiser/bin/dependency-cruiser.mjs'),
      ...['--config', '.dependency-cruiser.cjs', '--progress', 'none'],
      ...folders.filter((folder) => existsSync(join(root, folder))),
    ],
  },
  { name: 'documents', args: [join(root, 'api/check.ts')] },
];

export interface CheckResult {
  name: string;
  passed: boolean;
}

/**
 * Checks types, style, comments, the direction of imports and the documents of the API; reports problems on standard
 * error.
 */
export async function runChecks(): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    const problem = await run(process.execPath, check.args, { cwd: root, keepLines: 200 }).then(
      () => undefined,
      (error: Error) => error.message,
    );
    console.error(
      `${problem === undefined ? 'PASS' : 'FAIL'} ${check.name}${problem === undefined ? '' : `\n${problem}`}`,
    );
    results.push({ name: check.name, passed: problem === undefined });
  }
  return results;
}

/** `--fix` repairs the style where that is safe. */
export async function lint(args: string[]): Promise<number> {
  if (args.includes('--fix'))
    await attached(process.execPath, [bin('@biomejs/biome/bin/biome'), 'check', '--write'], process.env);
  return (await runChecks()).every((result) => result.passed) ? 0 : 1;
}
