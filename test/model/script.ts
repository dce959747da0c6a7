import type { Transaction } from '@shop/chassis';
import { createRandom, type Random } from '../simulation/random.ts';

/** What a session remembers within its transaction: what it loaded, to decide on it. */
export type Notes = Map<string, unknown>;

/** A call of a port, the same on both sides. */
export interface Call<Ports> {
  readonly label: string;
  /** Without a transaction: `tx` is that of no session, and the ports begin their own. */
  readonly alone?: true;
  run(ports: Ports, tx: Transaction, notes: Notes): Promise<unknown>;
}

/** One act of a session. The first call after the start or an end begins a transaction. */
export type Act<Ports> =
  | { readonly session: number; readonly kind: 'call'; readonly call: Call<Ports> }
  | { readonly session: number; readonly kind: 'commit' }
  | { readonly session: number; readonly kind: 'rollback' };

/** Draws what the sessions of a script do. */
export interface Drawing {
  readonly random: Random;
  /** A number that no other script on the same schema has: its keys are its own. */
  readonly space: number;
}

/** A service's ports on both sides, and what is drawn of them. */
export interface Part<Ports> {
  readonly name: string;
  /** The calls of one transaction, in their order. */
  draw(drawing: Drawing): readonly Call<Ports>[];
}

export interface Script<Ports> {
  readonly seed: number;
  readonly space: number;
  readonly acts: readonly Act<Ports>[];
}

/** 1 transaction in 5 is rolled back. */
const ROLLED_BACK = 0.2;

/** Two to four sessions of one to three transactions each, interleaved. The same seed draws the same acts. */
export function drawScript<Ports>(part: Pick<Part<Ports>, 'draw'>, seed: number, space: number): Script<Ports> {
  const random = createRandom(seed);
  const sessions = Array.from({ length: random.int(2, 4) }, (_, session) =>
    Array.from({ length: random.int(1, 3) }, () => transactionOf(part, { random, space }, session)).flat(),
  );
  const acts: Act<Ports>[] = [];
  for (let left = sessions; left.length > 0; left = left.filter((own) => own.length > 0)) {
    acts.push(...random.pick(left).splice(0, random.pick([1, 1, 1, 2])));
  }
  return { seed, space, acts };
}

function transactionOf<Ports>(part: Pick<Part<Ports>, 'draw'>, drawing: Drawing, session: number): Act<Ports>[] {
  const calls = part.draw(drawing).map((call): Act<Ports> => ({ session, kind: 'call', call }));
  if (calls.some((act) => act.kind === 'call' && act.call.alone)) return calls;
  return [
    ...calls,
    { session, kind: drawing.random.chance(ROLLED_BACK) ? ('rollback' as const) : ('commit' as const) },
  ];
}

/** `n` of `items`, in random order. */
export function someOf<T>(random: Random, items: readonly T[], n: number): T[] {
  const left = [...items];
  return Array.from({ length: Math.min(n, items.length) }, () => left.splice(random.int(0, left.length - 1), 1)).flat();
}

export const wordsOf = <Ports>(act: Act<Ports>): string =>
  `${act.session}: ${act.kind === 'call' ? act.call.label : act.kind}`;

/** A UUIDv7 of this script. */
export function idOf(space: number, kind: number, number: number): string {
  const tail = (kind * 0x1000 + number).toString(16).padStart(12, '0');
  return `${(0x01900000 + space).toString(16).padStart(8, '0')}-0000-7000-8000-${tail}`;
}

/** A number of this script. */
export const numberOf = (space: number, number: number): number => space * 100 + number;

/** As JSON, the same for equal answers: maps and sets become sorted lists, times text. */
export function plain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return value.toString('utf8');
  if (value instanceof Map) return sorted([...value].map(([key, item]) => [plain(key), plain(item)]));
  if (value instanceof Set) return sorted([...value].map(plain));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, it]) => [name, plain(it)]));
}

function sorted(items: unknown[]): unknown[] {
  return items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}
