import { registerHooks } from 'node:module';
import type * as JestGlobals from '@jest/globals';

/** The names that `@jest/globals` has for tests. */
export type Globals = typeof JestGlobals;

type Name = 'it' | 'test' | 'describe' | 'beforeAll' | 'beforeEach' | 'afterAll' | 'afterEach' | 'expect' | 'jest';

let current: Globals | undefined;

/** Sets what the names below stand for from now on: each file of tests has a test framework of its own. */
export function setGlobals(globals: Globals): void {
  current = globals;
}

// Node gives `@jest/globals` of the registry of packages, which only says that Jest has to run it.
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@jest/globals'
      ? { url: import.meta.url, format: 'module-typescript', shortCircuit: true }
      : next(specifier, context),
});

/** Stands for the current framework's `name`: a helper that several files import is loaded with the first of them. */
function standIn<N extends Name>(name: N): Globals[N] {
  const target = () => {
    if (current === undefined) throw new Error('No file of tests runs.');
    return current[name] as object;
  };
  return new Proxy(() => undefined, {
    apply: (_, self, args) => Reflect.apply(target() as () => unknown, self, args),
    get: (_, key) => Reflect.get(target(), key),
  }) as unknown as Globals[N];
}

export const it = standIn('it');
export const test = standIn('test');
export const describe = standIn('describe');
export const beforeAll = standIn('beforeAll');
export const beforeEach = standIn('beforeEach');
export const afterAll = standIn('afterAll');
export const afterEach = standIn('afterEach');
export const expect = standIn('expect');
export const jest = standIn('jest');
