import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { z } from 'zod';
import { loadConfig } from './config.ts';
import { ConfigError, readVariable } from './variables.ts';

const folder = mkdtempSync(join(tmpdir(), 'shop-variables-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const schema = z.object({ SECRET: z.string().describe('what nobody knows'), PORT: z.string().default('1') });

it('when a secret is in a file, then it is read without the line break at its end', () => {
  expect(loadConfig(schema, { SECRET_FILE: file('secret', 'a b\n') }).SECRET).toBe('a b');
  expect(readVariable('SECRET', { SECRET_FILE: file('lines', 'a\nb\n\r\n') })).toBe('a\nb\n');
});

it.each([
  ['is missing', join(folder, 'none'), /SECRET_FILE: the file .*none is not there/],
  ['is a folder', folder, /SECRET_FILE: the file .* is a folder/],
  ['is empty', file('empty', '\n'), /SECRET_FILE: the file .*empty is empty/],
])('when the file of a secret %s, then the sentence at the start says so, once', (_what, path, words) => {
  const load = () => loadConfig(schema, { SECRET_FILE: path });
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(words);
  expect(load).not.toThrow(/SECRET is missing/);
});

it('when a secret and its file are both given, then neither is taken', () => {
  const env = { SECRET: 'a', SECRET_FILE: file('both', 'b') };
  expect(() => loadConfig(schema, env)).toThrow(/SECRET and SECRET_FILE are both given/);
});

it('when a variable of the schema ends in _FILE itself, then it is that variable, and no other one’s file', () => {
  const own = z.object({ KEY: z.string().optional(), KEY_FILE: z.string() });
  expect(loadConfig(own, { KEY_FILE: '/nowhere' })).toEqual({ KEY_FILE: '/nowhere' });
});

it('when several files are wrong, then each is named at once', () => {
  const two = z.object({ A: z.string(), B: z.string() });
  const load = () => loadConfig(two, { A_FILE: '/nowhere/a', B_FILE: '/nowhere/b' });
  expect(load).toThrow(/A_FILE: [\s\S]*B_FILE: /);
});
