/** Sends requests inside and outside of the API's document: no answer may be a 5xx, or undocumented. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { auditOf, onFreshStack, runningStack } from '../bench/src/on-stack.ts';
import { chosenStack } from '../deploy/local/chosen-stack.ts';
import { attached } from '../deploy/local/commands/tool.ts';
import { findSchemathesis } from '../deploy/local/fetch/schemathesis.ts';
import { stackDir } from '../deploy/local/paths.ts';
import type { Addresses } from '../ops/src/addresses.ts';
import { renderAudit } from '../ops/src/audit/index.ts';
import { action, EXIT, type ExitCode, type Output, runProgram, wholeNumber } from '../ops/src/command.ts';
import { fuzzArguments } from './command.ts';

interface Options {
  fresh?: boolean;
  examples: number;
  seed: number;
  json?: boolean;
}

/** Time limit of each of the two runs, ms. */
const AT_MOST_MS = 600_000;
/** The requesting demo user. */
const USER = 77;

const program = new Command('npm run fuzz --')
  .description(
    'Fuzzes the API of the stack that runs (npm start) by its OpenAPI document, as a user and as an operator; then the audit.',
  )
  .option('--fresh', 'on a fresh stack of its own, which is ended again')
  .option('--examples <n>', 'requests an operation and phase, at most', wholeNumber(1, 10_000), 50)
  .option('--seed <n>', 'the same again', wholeNumber(0, 2 ** 31), Math.floor(Math.random() * 1_000_000))
  .option('--json', 'the result as JSON')
  .action(
    action<Options>(async (output, options) => {
      // Before the start: fetching it may be impossible.
      const schemathesis = await findSchemathesis();
      return options.fresh
        ? await onFreshStack(output, { instances: 1, auth: true }, (addresses, stack) =>
            fuzz(output, options, schemathesis, addresses, stack),
          )
        : await fuzz(output, options, schemathesis, await runningStack(), chosenStack().name);
    }),
  );

await runProgram(program, process.argv);

async function fuzz(
  output: Output,
  { examples, seed }: Options,
  [command, ...args]: readonly [string, ...string[]],
  addresses: Addresses,
  stack: string,
): Promise<ExitCode> {
  const { gateway } = addresses;
  const folder = join(stackDir(stack), 'fuzz');
  mkdirSync(folder, { recursive: true });
  const document = join(folder, 'openapi.json');
  writeFileSync(document, await (await fetch(`${gateway}/openapi.json`)).text());
  const passed: Record<string, boolean> = {};
  for (const who of ['user', 'operator'] as const) {
    output.say(`\nas ${who}, seed ${seed}`);
    const token = await demoToken(gateway, who);
    const run = { gateway, document, token, examples, seed, report: join(folder, `${who}.xml`) };
    const code = await attached(command, [...args, ...fuzzArguments(run)], process.env, {
      // It writes notes into its working folder.
      cwd: folder,
      timeout: AT_MOST_MS,
    });
    passed[who] = code === 0;
  }
  const audit = await auditOf(addresses);
  output.say(`\n${renderAudit(audit)}`);
  const kept = Object.values(passed).every(Boolean);
  output.result(
    { seed, ...passed, audit: audit.state, reports: folder },
    `seed ${seed}: ${kept ? 'every answer was as documented' : 'an answer was NOT as documented'}; the audit ${audit.state === 'HOLDS' ? 'is clean' : `is NOT clean (${audit.state})`}`,
  );
  return kept && audit.state === 'HOLDS' ? EXIT.done : EXIT.found;
}

/** Undefined without the demo: the gateway must not require tokens then. */
async function demoToken(gateway: string, who: 'user' | 'operator'): Promise<string | undefined> {
  const answer = await fetch(`${gateway}/auth/demo-token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ userId: USER, ...(who === 'operator' ? { scope: 'ops' } : {}) }),
  });
  return answer.ok ? ((await answer.json()) as { token: string }).token : undefined;
}
