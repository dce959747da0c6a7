import { readFileSync } from 'node:fs';

/** The environment is incomplete or wrong. The message names every wrong variable and its purpose. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The value of a variable: its own, or that of the file that `<name>_FILE` names, without the line break at its end.
 * An empty variable counts as unset. Throws `ConfigError` when both are given, and when the file cannot be used.
 */
export function readVariable(name: string, env: Environment = process.env): string | undefined {
  const value = env[name] || undefined;
  const file = env[`${name}_FILE`] || undefined;
  if (file === undefined) return value;
  if (value !== undefined) throw new ConfigError(`${name} and ${name}_FILE are both given: which of them is meant?`);
  const content = readText(`${name}_FILE`, file).replace(/\r?\n$/, '');
  if (content.trim() === '') throw new ConfigError(`${name}_FILE: the file ${file} is empty`);
  return content;
}

const FAILURES: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be read by the user of this process',
  EISDIR: 'is a folder',
};

function readText(variable: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    throw new ConfigError(`${variable}: the file ${file} ${FAILURES[code] ?? `cannot be read (${message})`}`);
  }
}
