import type { Transaction } from '@shop/chassis';
import { MemoryDatabase, type MemoryTransaction } from '../simulation/memory-database.ts';
import type { Actor } from '../simulation/scheduler.ts';
import type { Act } from './script.ts';
import { Session } from './session.ts';
import type { Observation, Side } from './side.ts';

/** Picks one of `count` (from 0) where the server may do one thing or another. */
export type Choose = (count: number) => number;

/** The parts of a service on the model. */
export interface MemoryBench<Ports> {
  readonly sql?: ConstructorParameters<typeof MemoryDatabase>[3];
  ports(database: MemoryDatabase, actor: Actor): Ports;
  contents(): unknown;
}

const START = Date.UTC(2026, 0, 1);

/** The model, one step at a time. Where several sessions could go on, `choose` picks. */
export function openModel<Ports>(bench: MemoryBench<Ports>, sessions: number, choose: Choose): Side<Ports> {
  const ready: { readonly actor: Actor; readonly go: () => void }[] = [];
  const scheduler = {
    now: START,
    note: () => undefined,
    step: (actor: Actor, label: string): Promise<void> => {
      // Neither begins nor answers of commits meet anything of another session.
      if (/: (begin|committed)$/.test(label)) return Promise.resolve();
      return new Promise((go) => ready.push({ actor, go }));
    },
  };
  const faults = { connectionBreaks: () => false, commitAnswerIsLost: () => false };
  const database = new MemoryDatabase('model', scheduler, { ...faults, choose }, bench.sql);
  const clients = Array.from({ length: sessions }, (_, number) => {
    const actor = { name: `session ${number}`, alive: true };
    const transaction = <T>(work: (tx: Transaction) => Promise<T>) =>
      database.transaction(actor, work as (tx: MemoryTransaction) => Promise<T>);
    return new Session(number, { transaction }, bench.ports(database, actor));
  });

  return {
    async give(act: Act<Ports>): Promise<Observation> {
      clients[act.session]?.give(act);
      await settle();
      while (ready.length > 0) {
        ready.sort((a, b) => (a.actor.name < b.actor.name ? -1 : 1));
        const [step] = ready.splice(ready.length > 1 ? choose(ready.length) : 0, 1);
        step?.go();
        await settle();
      }
      return observe(clients);
    },
    waits: (session) => clients[session]?.busy === true,
    isOpen: (session) => clients[session]?.open === true,
    contents: async () => bench.contents(),
  };
}

export function observe<Ports>(clients: readonly Session<Ports>[]): Observation {
  const said = clients.map((it) => [it.number, it.takeAnswers()] as const).filter(([, answers]) => answers.length > 0);
  return {
    answers: Object.fromEntries(said),
    waiting: clients.filter(({ busy }) => busy).map(({ number }) => number),
  };
}

/** Resolves when every due promise reaction has run: the next-tick queue comes after the microtasks. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    process.nextTick(resolve);
  });
}
