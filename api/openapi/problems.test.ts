import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { COMMON_PROBLEMS, type ProblemTable } from '@shop/chassis';
import { folderOf } from '../../services/services.ts';
import { BY_SERVICE } from './operations.ts';
import { ALL_PROBLEMS, OWN_PROBLEMS } from './problem-tables.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const NAMES = Object.keys(BY_SERVICE) as (keyof typeof BY_SERVICE)[];
const programsOf = (name: keyof typeof BY_SERVICE) => (name === 'ops' ? 'ops-console' : `${folderOf(name)}/src`);

/** The codes with which the programs of this folder refuse. */
function codesIn(folder: string): string[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'));
  return files.flatMap((path) => {
    const text = readFileSync(`${ROOT}${path}`, 'utf8');
    return [...text.matchAll(/new DomainError(?:<\w+>)?\(\s*'(\w+)'/g)].map(([, code = '']) => code);
  });
}

it.each(Object.entries(ALL_PROBLEMS))(
  'when several tables have %s, then it means the same in each',
  (code, problem) => {
    const tables: readonly ProblemTable[] = [COMMON_PROBLEMS, ...Object.values(OWN_PROBLEMS)];
    const having = tables.filter((table) => Object.hasOwn(table, code));
    expect(having.map((table) => table[code])).toEqual(having.map(() => problem));
  },
);

/** What an order waits for, not how it ends. */
const WAITS: ReadonlySet<string> = new Set(['PIECES_HELD', 'UNPAID_LIMIT']);

it('when an order ends for a reason, then its client can be told that code', () => {
  const deciders = ['order/src/domain/decide', 'catalog/src/domain/waiting', 'coupon/src/domain/redemption'];
  const reasons = [...deciders, 'payment/src/domain/payment'].flatMap((file) => {
    const text = readFileSync(`${ROOT}services/${file}.ts`, 'utf8');
    return [...text.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, reason = '']) => reason);
  });
  expect(new Set(reasons).size).toBeGreaterThan(8);
  const isEnd = (reason: string) => !WAITS.has(reason);
  expect(reasons.filter(isEnd).filter((reason) => !Object.hasOwn(OWN_PROBLEMS.order, reason))).toEqual([]);
});

it.each(['libs/chassis/src', 'services/gateway/src'])('when %s refuses, then only with common codes', (folder) => {
  expect(codesIn(folder).filter((code) => !Object.hasOwn(COMMON_PROBLEMS, code))).toEqual([]);
});

describe.each(NAMES)('%s', (name) => {
  const own: ProblemTable = (OWN_PROBLEMS as Readonly<Record<string, ProblemTable>>)[name] ?? {};
  const isKnown = (code: string) => Object.hasOwn(own, code) || Object.hasOwn(COMMON_PROBLEMS, code);
  const declared = BY_SERVICE[name].flatMap(({ problems = [] }) => problems);

  it('when a service refuses, then only with common codes or its own', () => {
    expect(codesIn(programsOf(name)).filter((code) => !isKnown(code))).toEqual([]);
  });

  it('when a service declares problems, then they are common codes or its own, and include each of its own', () => {
    expect(declared.filter((code) => !isKnown(code))).toEqual([]);
    expect(Object.keys(own).filter((code) => !declared.includes(code))).toEqual([]);
  });

  it('when a service has its own codes, then none repeats a common one', () => {
    expect(Object.keys(own).filter((code) => Object.hasOwn(COMMON_PROBLEMS, code))).toEqual([]);
  });
});
