import type { Context } from 'node:vm';
import type { EnvironmentContext, JestEnvironment, JestEnvironmentConfig } from '@jest/environment';
import { ModernFakeTimers } from '@jest/fake-timers';
import type { Circus } from '@jest/types';
import { ModuleMocker } from 'jest-mock';
import endSharing, { sharesShop } from './sharing.ts';

type FakeTimersOptions = Parameters<ModernFakeTimers['useFakeTimers']>[0];

/** Fakes the timers of Node itself, but not what Node's own modules run on, or nothing would ever go on. */
class FakeTimers extends ModernFakeTimers {
  override useFakeTimers(options: FakeTimersOptions = {}): void {
    super.useFakeTimers({ ...options, doNotFake: ['nextTick', 'queueMicrotask', ...(options?.doNotFake ?? [])] });
  }
}

/** Runs tests among Node's own globals, and puts back what a file of tests changed of them and of the environment. */
export default class NativeEnvironment implements JestEnvironment {
  readonly global = globalThis as unknown as JestEnvironment['global'];
  readonly moduleMocker = new ModuleMocker(globalThis);
  readonly fakeTimers = null;
  readonly fakeTimersModern: FakeTimers;
  readonly #globals = Object.getOwnPropertyDescriptors(globalThis) as Readonly<Record<string, PropertyDescriptor>>;
  readonly #env = { ...process.env };
  readonly #exit = process.exit;

  readonly #file: string;

  constructor({ projectConfig }: JestEnvironmentConfig, { testPath }: EnvironmentContext) {
    this.#file = testPath;
    this.fakeTimersModern = new FakeTimers({ config: projectConfig, global: globalThis });
  }

  async setup(): Promise<void> {
    if (!sharesShop(this.#file)) await endSharing();
  }

  /** Jest measures a file with the clock that its tests may have faked. */
  handleTestEvent({ name }: Circus.Event): void {
    if (name === 'run_finish') this.fakeTimersModern.useRealTimers();
  }

  async teardown(): Promise<void> {
    this.fakeTimersModern.dispose();
    // Jest replaces it, anew for each file.
    process.exit = this.#exit;
    for (const name of Object.getOwnPropertyNames(globalThis)) {
      const before = this.#globals[name];
      if (before === undefined) Reflect.deleteProperty(globalThis, name);
      else if (Object.getOwnPropertyDescriptor(globalThis, name)?.value !== before.value)
        Object.defineProperty(globalThis, name, before);
    }
    for (const name of Object.keys(process.env)) if (!(name in this.#env)) delete process.env[name];
    Object.assign(process.env, this.#env);
  }

  exportConditions(): string[] {
    return ['node', 'node-addons'];
  }

  /** No context of its own: Node loads the tests (`runtime.ts`). */
  getVmContext(): Context | null {
    return null;
  }
}
