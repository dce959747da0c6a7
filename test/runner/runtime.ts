import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type jestRuntime from 'jest-runtime';
import { type Globals, setGlobals } from './globals.ts';

/** Where Jest's test framework keeps its handlers of events, on `globalThis`. Each file of tests needs its own. */
const EVENT_HANDLERS = Symbol.for('EVENT_HANDLERS');

const require = createRequire(import.meta.url);
// The types of the package are those of its CommonJS form.
const { default: JestRuntime } = require('jest-runtime') as typeof jestRuntime;
let runs = 0;

/**
 * Lets Node load a file of tests, not Jest. Jest makes a context for each file and loads every module anew in it, which
 * took two thirds of the processor time of the fast tests. Node loads a module once, for all files that import it.
 *
 * So the state of a module outlives a file of tests. What a file changed on `globalThis` and in the environment does
 * not: `environment.ts` puts it back.
 */
export default class NativeRuntime extends JestRuntime {
  override unstable_shouldLoadAsEsm(): boolean {
    return true;
  }

  /** Loads a file of tests. The query makes each run of it a new module, whose tests are declared again. */
  override unstable_importModule(file: string): Promise<unknown> {
    runs += 1;
    return import(`${pathToFileURL(file).href}?run=${runs}`);
  }

  /** Loads the test framework afresh: it keeps the tests of a file in its modules. */
  override requireInternalModule<T = unknown>(file: string): T {
    Reflect.deleteProperty(globalThis, EVENT_HANDLERS);
    const folder = dirname(file) + sep;
    const loaded = Object.keys(require.cache).filter((name) => name.startsWith(folder));
    for (const name of loaded) Reflect.deleteProperty(require.cache, name);
    return require(file) as T;
  }

  override setGlobalsForRuntime(globals: Parameters<jestRuntime.default['setGlobalsForRuntime']>[0]): void {
    super.setGlobalsForRuntime(globals);
    setGlobals(this.requireModuleOrMock<Globals>(import.meta.filename, '@jest/globals'));
  }
}
