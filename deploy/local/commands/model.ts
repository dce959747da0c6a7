import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readMachine } from '../../../bench/src/machine.ts';
import { root } from '../paths.ts';
import { isEnding } from '../processes.ts';
import { StackError } from '../stack-error.ts';
import { modelReport, type PartFigures } from './model-report.ts';
import { test } from './test.ts';

/** Messaging, payment, catalog, coupon, order. */
const PARTS = 5;
const SCRIPTS = 10_000;

/**
 * Runs random scripts on the simulation's model of MySQL and on MySQL, and writes docs/reports/model.md. Arguments: how
 * many scripts, and the first seed.
 */
export async function model([count, first = '1']: string[]): Promise<number> {
  const each = Math.ceil(Number(count ?? SCRIPTS) / PARTS);
  if (!Number.isInteger(each) || each < 1 || !Number.isInteger(Number(first)))
    throw new StackError('Usage: npm run model -- [scripts [first seed]]');
  const machine = readMachine();
  const scratch = mkdtempSync(join(tmpdir(), 'shop-model-'));
  const notes = join(scratch, 'figures.jsonl');
  try {
    const code = await test(['test/integration/model'], {
      env: { MODEL_SCRIPTS: `${each}:${first}`, MODEL_FIGURES: notes },
    });
    const lines = (existsSync(notes) ? readFileSync(notes, 'utf8') : '').split('\n').filter(Boolean);
    const figures = lines.map((line) => JSON.parse(line) as PartFigures);
    // A run that could not start, or died on its way, leaves the last report.
    const isWhole = new Set(figures.map(({ part }) => part)).size === PARTS;
    if (isWhole && !isEnding()) writeFileSync(join(root, 'docs/reports/model.md'), modelReport(machine, figures));
    return code;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
