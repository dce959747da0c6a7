import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** Most lines that are shown of why a test failed. */
const WHY_LINES = 12;

/** The result of a part of the test run. */
export interface Tally {
  passed: number;
  /** Each test or check that failed: its name, and why, as far as it is known, in lines below. */
  failed: string[];
}

/** The part of Jest's JSON output that is used. */
export interface JestSummary {
  testResults: {
    name: string;
    status: string;
    message: string;
    /** `duration` is in ms; null for a test that did not run. */
    assertionResults: {
      fullName: string;
      status: string;
      duration?: number | null;
      failureMessages?: readonly string[];
    }[];
  }[];
}

/**
 * The tests of one Jest project. Each of these counts as a failure: a file that could not run; a Jest that ended badly
 * although every test passed (an unhandled rejection after the last one); a Jest that does not exit.
 */
export function tallyOf(
  project: string,
  summary: JestSummary | undefined,
  code: number,
  stayedOpen: readonly string[] | undefined,
  root: string,
): Tally {
  if (!summary) return { passed: 0, failed: [`${project}: Jest ended without results (exit code ${code})`] };
  let passed = 0;
  const failed: string[] = [];
  for (const file of summary.testResults) {
    const path = relative(root, file.name);
    passed += file.assertionResults.filter((test) => test.status === 'passed').length;
    const broken = file.assertionResults.filter((test) => test.status === 'failed');
    failed.push(...broken.map((test) => [`${path}: ${test.fullName}`, ...whyOf(test)].join('\n      ')));
    if (file.status === 'failed' && broken.length === 0) failed.push(`${path}: could not run`);
  }
  if (stayedOpen) failed.push(`${project}: something stayed open after the last test: ${stayedOpen.join(', ')}`);
  else if (code !== 0 && failed.length === 0)
    failed.push(`${project}: Jest ended with code ${code} after its tests had passed`);
  return { passed, failed };
}

/** The first lines of why a test failed, without colours and without where each function was called. */
function whyOf({ failureMessages = [] }: { readonly failureMessages?: readonly string[] }): string[] {
  const lines = failureMessages.flatMap((message) => stripVTControlCharacters(message).split('\n'));
  return lines.filter((line) => line.trim() !== '' && !/^ +at /.test(line)).slice(0, WHY_LINES);
}

/** The part of Node's diagnostic report that is used: its handles. */
export interface ProcessReport {
  libuv: readonly {
    type: string;
    is_active: boolean;
    is_referenced?: boolean;
    localEndpoint?: Endpoint | null;
    remoteEndpoint?: Endpoint | null;
    firesInMsFromNow?: number;
    filename?: string;
  }[];
}
interface Endpoint {
  ip4?: string;
  ip6?: string;
  port: number;
}

/** The handles that keep a process from ending, in words. */
export function openHandles({ libuv }: ProcessReport): string[] {
  return libuv
    .filter((handle) => handle.type !== 'loop' && handle.is_active && handle.is_referenced)
    .map(({ type, localEndpoint, remoteEndpoint, firesInMsFromNow, filename }) => {
      if (localEndpoint) return `${type} ${name(localEndpoint)} → ${remoteEndpoint ? name(remoteEndpoint) : 'all'}`;
      if (firesInMsFromNow !== undefined) return `${type} of ${firesInMsFromNow} ms`;
      return filename ? `${type} ${filename}` : type;
    });
}

function name({ ip4, ip6, port }: Endpoint): string {
  return `${ip4 ?? ip6}:${port}`;
}

export function addUp(tallies: Tally[]): Tally {
  return {
    passed: tallies.reduce((sum, tally) => sum + tally.passed, 0),
    failed: tallies.flatMap((tally) => tally.failed),
  };
}

export function lastLine(tally: Tally): string {
  return `${tally.passed} passed, ${tally.failed.length} failed`;
}
