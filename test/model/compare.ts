import type { Database, DedicatedConnection } from '@shop/chassis';
import { type MemoryBench, openModel } from './memory-side.ts';
import { openServer, type SqlBench } from './mysql-side.ts';
import { type Act, drawScript, type Part, plain, type Script, wordsOf } from './script.ts';
import { actsFor, type Observation, type Run, type Side } from './side.ts';

/** A part with its two databases. */
export interface Compared<Ports> extends Part<Ports> {
  /** Empties the tables and fills in what the script begins with. */
  onServer(database: Database, space: number): Promise<SqlBench<Ports>>;
  /** The same rows in the model. */
  onModel(space: number): MemoryBench<Ports>;
}

export interface Server {
  readonly database: Database;
  readonly observer: DedicatedConnection;
}

/** Where the model does not do what the server did. */
export interface Difference {
  readonly acts: readonly string[];
  /** The number of the first act with another outcome; that of the acts when only the rows differ. */
  readonly at: number;
  readonly server: string;
  readonly model: string;
}

/** Ways of the model that are tried for one script, most. */
const MOST_WAYS = 300;

/** One script on both sides. */
export interface Comparison {
  /** Undefined: the model has a way that does what the server did. */
  readonly difference: Difference | undefined;
  readonly seen: Seen;
}

/** What the server did, counted. */
export interface Seen {
  readonly acts: number;
  /** Acts after which a session waited for a lock. */
  readonly waits: number;
  readonly deadlocks: number;
  readonly duplicateKeys: number;
}

/** Runs the script on the server, then searches for a way of the model that does the same. */
export async function compare<Ports>(
  part: Compared<Ports>,
  script: Script<Ports>,
  server: Server,
): Promise<Comparison> {
  const sessions = Math.max(...script.acts.map(({ session }) => session)) + 1;
  const bench = await part.onServer(server.database, script.space);
  const run = await runOn(openServer(bench, { ...server, sessions }), script.acts, sessions);
  return { difference: await explain(part, script, run, sessions), seen: seenIn(run.observations) };
}

function seenIn(observations: readonly Observation[]): Seen {
  const answers = observations.flatMap((it) => Object.values(it.answers).flat());
  return {
    acts: observations.length,
    waits: observations.filter(({ waiting }) => waiting.length > 0).length,
    deadlocks: answers.filter((it) => it === 'deadlock').length,
    duplicateKeys: answers.filter((it) => it === 'duplicate key').length,
  };
}

async function runOn<Ports>(side: Side<Ports>, acts: readonly Act<Ports>[], sessions: number): Promise<Run<Ports>> {
  const given: Act<Ports>[] = [];
  const observations: Observation[] = [];
  for (const act of actsFor(acts, side, sessions)) {
    given.push(act);
    observations.push(await side.give(act));
  }
  return { acts: given, observations, contents: JSON.stringify(plain(await side.contents())) };
}

/** Searches the model's ways, depth first, for one with these observations. @returns the way that came furthest */
async function explain<Ports>(
  part: Compared<Ports>,
  { space }: Script<Ports>,
  run: Run<Ports>,
  sessions: number,
): Promise<Difference | undefined> {
  let furthest: Difference | undefined;
  let path: readonly Choice[] = [];
  for (let ways = 0; ways < MOST_WAYS; ways++) {
    const taken: Choice[] = [];
    const choose = (count: number): number => {
      const picked = path[taken.length]?.picked ?? 0;
      taken.push({ count, picked });
      return picked;
    };
    const difference = await follow(openModel(part.onModel(space), sessions, choose), run);
    if (!difference) return undefined;
    if (!furthest || difference.at > furthest.at) furthest = difference;
    while (taken.length > 0 && isLast(taken.at(-1))) taken.pop();
    const turn = taken.pop();
    if (!turn) break;
    path = [...taken, { ...turn, picked: turn.picked + 1 }];
  }
  return furthest;
}

interface Choice {
  readonly count: number;
  readonly picked: number;
}

const isLast = (choice: Choice | undefined): boolean => choice !== undefined && choice.picked + 1 >= choice.count;

/** Gives the model the acts that the server was given. @returns the first that ends otherwise */
async function follow<Ports>(model: Side<Ports>, { acts, observations, contents }: Run<Ports>) {
  const words = acts.map(wordsOf);
  for (const [at, act] of acts.entries()) {
    const server = JSON.stringify(observations[at]);
    const own = JSON.stringify(await model.give(act));
    if (own !== server) return { acts: words, at, server, model: own };
  }
  const own = JSON.stringify(plain(await model.contents()));
  return own === contents ? undefined : { acts: words, at: acts.length, server: contents, model: own };
}

/** The shortest script, by leaving acts out, in which they still differ. Each try has keys of its own. */
export async function shrink<Ports>(
  part: Compared<Ports>,
  seed: number,
  server: Server,
  nextSpace: () => number,
): Promise<Difference | undefined> {
  const differs = async (kept: readonly number[]): Promise<Difference | undefined> => {
    const script = drawScript(part, seed, nextSpace());
    const acts = script.acts.filter((_, index) => kept.includes(index));
    return acts.length === 0 ? undefined : (await compare(part, { ...script, acts }, server)).difference;
  };
  let kept = drawScript(part, seed, 0).acts.map((_, index) => index);
  let best = await differs(kept);
  for (let removed = true; best && removed; ) {
    removed = false;
    for (const index of kept.toReversed()) {
      const fewer = kept.filter((it) => it !== index);
      const difference = await differs(fewer);
      if (!difference) continue;
      kept = fewer;
      best = difference;
      removed = true;
    }
  }
  return best;
}

/** For people. */
export function tell(name: string, seed: number, { acts, at, server, model }: Difference): string {
  const steps = acts.slice(0, at + 1).map((act, index) => `  ${index === at ? '→' : ' '} ${act}`);
  return [`${name}, seed ${seed}:`, ...steps, `  server: ${server}`, `  model:  ${model}`].join('\n');
}
