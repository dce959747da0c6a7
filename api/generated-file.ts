import { readFileSync, writeFileSync } from 'node:fs';

/** A file that is generated and committed. */
export interface GeneratedFile {
  /** Relative to the repository's root. */
  readonly path: string;
  readonly text: string;
}

/** The committed text of the file; undefined where there is none. */
export function committed({ path }: GeneratedFile): string | undefined {
  try {
    return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes the files that differ, and names them. */
export function write(files: readonly GeneratedFile[]): void {
  for (const file of files) {
    if (committed(file) === file.text) continue;
    writeFileSync(new URL(`../${file.path}`, import.meta.url), file.text);
    process.stderr.write(`wrote ${file.path}\n`);
  }
}
