import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createDatabase, openConnection } from '@shop/chassis';
import { migratedSchema } from '@shop/chassis/testing';
import type { PartFigures } from '../../deploy/local/commands/model-report.ts';
import { breakModel, FAULTS } from '../model/broken.ts';
import { type Seen, type Server, tell } from '../model/compare.ts';
import { TRIALS, type Trial } from '../model/trials.ts';
import { testStack } from '../support/stack.ts';

/** Scripts of each part, and the first seed. `npm run model` runs more. */
const [count, first] = (process.env.MODEL_SCRIPTS ?? '80:1').split(':').map(Number) as [number, number];
/** A fault in the model has to be found within so many scripts. */
const MOST_SCRIPTS = 80;
/** After so many differences a part is given up. */
const MOST_DIFFERENCES = 5;
/** Longer than any script: a session that waits says nothing meanwhile, s. */
const SILENCE_SECONDS = 100;

beforeAll(() => restartDatabase('on'), 60_000);
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => restartDatabase('off'), 60_000);

/** The database tells who waits for whom here. */
async function restartDatabase(watchLocks: 'on' | 'off'): Promise<void> {
  const mysql = testStack().part('mysql');
  await mysql.stop();
  process.env.MYSQL_WATCH_LOCKS = watchLocks;
  await mysql.start();
}

/** Runs `use` on a schema of the part's service, which nobody else uses. */
async function onServer<T>({ service }: Trial, use: (server: Server) => Promise<T>): Promise<T> {
  const prisma = fileURLToPath(new URL(`../../services/${service}/prisma`, import.meta.url));
  const { url, drop } = await migratedSchema(prisma);
  const limits = { silenceSeconds: SILENCE_SECONDS, transactionTimeoutMs: SILENCE_SECONDS * 1_000 };
  const database = createDatabase({ url, ...limits, applicationName: 'test' });
  const observer = await openConnection({ url }, { waitTimeoutSeconds: SILENCE_SECONDS });
  try {
    const [found] = await observer.query<{ version: string }>('SELECT VERSION() AS version');
    if (found?.version.includes('MariaDB')) throw new Error('the model is that of MySQL, and this server is MariaDB');
    return await use({ database, observer });
  } finally {
    await observer.end();
    await database.close();
    await drop();
  }
}

async function runScripts(trial: Trial, server: Server): Promise<PartFigures> {
  const differences: string[] = [];
  const once: string[] = [];
  const began = performance.now();
  const total = { acts: 0, waits: 0, deadlocks: 0, duplicateKeys: 0 };
  let scripts = 0;
  for (let seed = first; seed < first + count && differences.length < MOST_DIFFERENCES; seed++) {
    const { difference, seen } = await trial.run(seed, server);
    scripts++;
    for (const key of Object.keys(total) as (keyof Seen)[]) total[key] += seen[key];
    if (!difference) continue;
    const again = await trial.shrink(seed, server);
    // Some locks depend on the purge, which runs when it likes: a wrong model differs whenever the script runs.
    if (again) differences.push(tell(trial.name, seed, again));
    else once.push(tell(trial.name, seed, difference));
  }
  return { part: trial.name, scripts, ...total, ms: performance.now() - began, differences, once };
}

describe('the model of MySQL', () => {
  for (const trial of TRIALS) {
    it(`when sessions of ${trial.name} meet, then the model answers and waits as MySQL does`, async () => {
      const figures = await onServer(trial, (server) => runScripts(trial, server));
      if (process.env.MODEL_FIGURES) appendFileSync(process.env.MODEL_FIGURES, `${JSON.stringify(figures)}\n`);
      expect(figures.differences.join('\n\n')).toBe('');
      expect(figures.once.length).toBeLessThanOrEqual(Math.max(1, count / 500));
      // Scripts in which nobody ever meets anybody would show nothing.
      expect(figures.waits).toBeGreaterThan(count / 2);
    }, 3_600_000);
  }
});

describe('the comparison of the model with MySQL', () => {
  for (const { fault, part } of FAULTS) {
    it(`when in the model ${fault}, then a script finds it`, async () => {
      const trial = TRIALS.find(({ name }) => name === part) as Trial;
      breakModel(fault);
      const found = await onServer(trial, (server) => firstFound(trial, server));
      console.info(`${fault}: found by script ${found}`);
      expect(found).toBeLessThanOrEqual(MOST_SCRIPTS);
    });
  }
});

async function firstFound(trial: Trial, server: Server): Promise<number | undefined> {
  for (let seed = 1; seed <= MOST_SCRIPTS; seed++) if ((await trial.run(seed, server)).difference) return seed;
  return undefined;
}
