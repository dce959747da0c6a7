import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { COMMON_PROBLEMS, type ProblemTable } from '@shop/chassis';
import { folderOf } from '../../services/services.ts';
import { BY_SERVICE } from './operations.ts';
import { ALL_PROBLEMS, OWN_PROBLEMS } from './problem-tables.ts';

const ROOT = new URL('../../', import.meta.url).pathname;
const NAMES = Object.keys(OWN_PROBLEMS) as (keyof typeof OWN_PROBLEMS)[];
const programsOf = (name: keyof typeof OWN_PROBLEMS) => (name === 'ops' ? 'ops-console' : `${folderOf(name)}/src`);

/** The codes that programs of this folder refuse with. */
function codesIn(folder: string): string[] {
  const files = globSync(`${folder}/**/*.ts`, { cwd: ROOT }).filter((path) => !path.endsWith('.test.ts'));
  return files.flatMap((path) => {
    const text = readFileSync(`${ROOT}${path}`, 'utf8');
    return [...text.matchAll(/new DomainError(?:<\w+>)?\(\s*'(\w+)'/g)].map(([, code = '']) => code);
  });
}

it.each(Object.entries(ALL_PROBLEMS))('%s means the same in every table', (code, problem) => {
  const tables: readonly ProblemTable[] = [COMMON_PROBLEMS, ...Object.values(OWN_PROBLEMS)];
  const having = tables.filter((table) => Object.hasOwn(table, code));
  expect(having.map((table) => table[code])).toEqual(having.map(() => problem));
});

it('a reason for which an order ends is a code that its client can be told', () => {
  const deciders = ['order/src/domain/decide', 'catalog/src/domain/reservation', 'coupon/src/domain/redemption'];
  const reasons = [...deciders, 'payment/src/domain/payment'].flatMap((file) => {
    const text = readFileSync(`${ROOT}services/${file}.ts`, 'utf8');
    return [...text.matchAll(/'([A-Z]+(?:_[A-Z]+)+)'/g)].map(([, reason = '']) => reason);
  });
  expect(new Set(reasons).size).toBeGreaterThan(8);
  expect(reasons.filter((reason) => !Object.hasOwn(OWN_PROBLEMS.order, reason))).toEqual([]);
});

it.each(['libs/chassis/src', 'services/gateway/src'])('%s refuses with common codes only', (folder) => {
  expect(codesIn(folder).filter((code) => !Object.hasOwn(COMMON_PROBLEMS, code))).toEqual([]);
});

describe.each(NAMES)('%s', (name) => {
  const own: ProblemTable = OWN_PROBLEMS[name];
  const isKnown = (code: string) => Object.hasOwn(own, code) || Object.hasOwn(COMMON_PROBLEMS, code);
  const declared = BY_SERVICE[name].flatMap(({ problems = [] }) => problems);

  it('refuses only with codes that are common or its own', () => {
    expect(codesIn(programsOf(name)).filter((code) => !isKnown(code))).toEqual([]);
  });

  it('declares only codes that are common or its own, and each of its own', () => {
    expect(declared.filter((code) => !isKnown(code))).toEqual([]);
    expect(Object.keys(own).filter((code) => !declared.includes(code))).toEqual([]);
  });

  it('repeats no common code', () => {
    expect(Object.keys(own).filter((code) => Object.hasOwn(COMMON_PROBLEMS, code))).toEqual([]);
  });
});
