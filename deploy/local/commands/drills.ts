import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { readMachine } from '../../../bench/src/machine.ts';
import { root } from '../paths.ts';
import { isEnding } from '../processes.ts';
import { type Drill, drillsReport, type Figure } from './drills-report.ts';
import { DRILLS_ALONE, test } from './test.ts';

/** The fault tests that do a part of their work in `npm test`. */
const SMALLER_IN_TEST = ['test/faults/recovery-all', 'test/faults/backup', 'test/faults/brokers', 'test/faults/faults'];

const DRILLS = [...SMALLER_IN_TEST, ...DRILLS_ALONE];

/**
 * Runs the drills in full, and writes docs/reports/drills.md with how long each took and what it noted. With patterns
 * it runs those alone and writes nothing.
 */
export async function drills(patterns: string[]): Promise<number> {
  const machine = readMachine();
  const scratch = mkdtempSync(join(tmpdir(), 'shop-drills-'));
  const notes = join(scratch, 'notes.jsonl');
  const done: Drill[] = [];
  try {
    const code = await test(patterns.length > 0 ? patterns : DRILLS, {
      env: { SHOP_DRILL: 'full', SHOP_DRILL_NOTES: notes },
      onSummary: ({ testResults }) => {
        for (const { name, assertionResults } of testResults)
          for (const { fullName, status, duration } of assertionResults)
            done.push({ file: relative(root, name), name: fullName, passed: status === 'passed', ms: duration ?? 0 });
      },
    });
    if (patterns.length > 0 || isEnding()) return code;
    const figures = (existsSync(notes) ? readFileSync(notes, 'utf8') : '').split('\n').filter(Boolean);
    const report = drillsReport(
      machine,
      done,
      figures.map((line) => JSON.parse(line) as Figure),
    );
    writeFileSync(join(root, 'docs/reports/drills.md'), report);
    return code;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
