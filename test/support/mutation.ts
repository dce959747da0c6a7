import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';

/** A plausible mistake: one text of one file, and its replacement. */
export interface Mutation {
  readonly name: string;
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** A second replacement that the first requires. */
  readonly also?: { readonly from: string; readonly to: string };
}

/**
 * Makes the mistake in a copy of the repository while `work` runs.
 * @throws when the code no longer has what the mistake replaces
 */
export function withMistake<T>(copy: string, { name, file, from, to, also }: Mutation, work: () => T): T {
  const path = join(copy, file);
  const text = readFileSync(path, 'utf8');
  let broken = text;
  for (const edit of [{ from, to }, ...(also ? [also] : [])]) {
    if (!broken.includes(edit.from)) throw new Error(`${file} no longer has the text that "${name}" changes`);
    broken = broken.replace(edit.from, () => edit.to);
  }
  writeFileSync(path, broken);
  try {
    return work();
  } finally {
    writeFileSync(path, text);
  }
}

/** The texts that a mistake would replace and that do not stand in their file exactly once: the code has changed. */
export function outdated(mutations: readonly Mutation[]): string[] {
  return mutations.flatMap(({ name, file, from, also }) => {
    const text = readFileSync(join(root, file), 'utf8');
    const wrong = [from, ...(also ? [also.from] : [])].filter((each) => text.split(each).length !== 2);
    return wrong.map((each) => `${name}: ${file} does not have once: ${each}`);
  });
}
