import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { beginFolder, finishFolder } from './folder.ts';
import { BackupError } from './manifest.ts';

let folder: string;
let to: string;
let said: string[];
const say = (words: string) => void said.push(words);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backup-folder-'));
  to = join(folder, 'today');
  said = [];
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (part: string, text: string) => writeFileSync(join(part, 'file'), text);
const read = () => readFileSync(join(to, 'file'), 'utf8');

describe('the folder of a backup', () => {
  it('when it is not there yet, nor the one above it, then it gets its name at the end', async () => {
    to = join(folder, 'above', 'today');
    const part = await beginFolder(to, say);
    expect(basename(part)).toMatch(/^today\.[0-9a-f]+\.part$/);
    write(part, 'whole');
    expect(existsSync(to)).toBe(false);
    await finishFolder(part, to);
    expect(read()).toBe('whole');
    expect(readdirSync(join(folder, 'above'))).toEqual(['today']);
    expect(said).toEqual([]);
  });

  it('when it is there and empty, then it is used', async () => {
    mkdirSync(to);
    const part = await beginFolder(to, say);
    write(part, 'whole');
    await finishFolder(part, to);
    expect(read()).toBe('whole');
  });

  it.each([
    ['a file', () => writeFileSync(to, 'dear')],
    ['a link', () => void [mkdirSync(join(folder, 'empty')), symlinkSync(join(folder, 'empty'), to)]],
    ['not empty', () => void [mkdirSync(to), write(to, 'dear')]],
  ])('when it is %s, then it is refused at once and left as it is', async (_, make) => {
    make();
    const before = readdirSync(folder);
    await expect(beginFolder(to, say)).rejects.toThrow(BackupError);
    expect(readdirSync(folder)).toEqual(before);
  });

  it.each([
    ['a file', () => writeFileSync(to, 'dear')],
    ['not empty', () => void [mkdirSync(to), write(to, 'dear')]],
  ])('when it has become %s meanwhile, then the end is refused and it is left as it is', async (_, make) => {
    const part = await beginFolder(to, say);
    write(part, 'whole');
    make();
    await expect(finishFolder(part, to)).rejects.toThrow(BackupError);
    expect(existsSync(join(to, 'file')) ? read() : readFileSync(to, 'utf8')).toBe('dear');
  });

  it('when two backups go there at once, then the first to end has it whole, and the other is refused', async () => {
    const [first, second] = [await beginFolder(to, say), await beginFolder(to, say)];
    write(first, 'first');
    write(second, 'second');
    await finishFolder(second, to);
    await expect(finishFolder(first, to)).rejects.toThrow('is not empty any more');
    expect(read()).toBe('second');
    expect(said).toEqual([expect.stringContaining(basename(first))]);
  });
});
