import { randomUUID } from 'node:crypto';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ensureTool } from '../fetch.ts';
import { toolsDir } from '../paths.ts';
import { distributionSource } from './apt.ts';
import { javaMajor } from './maven.ts';

describe('the machine’s package source', () => {
  it('when sources are in a one-line file, then the distribution’s is read', () => {
    const text = '# comment\ndeb [arch=amd64 signed-by=/keys/d.gpg] https://mirror.example/debian/ trixie main\n';
    expect(distributionSource(text)).toEqual({ uri: 'https://mirror.example/debian/', signedBy: '/keys/d.gpg' });
  });

  it('when sources are in stanzas, then neither the security archive nor a third party’s is read', () => {
    const text = [
      'Types: deb\nURIs: http://mirror.example/debian-security\nSuites: trixie-security\nComponents: main',
      'Types: deb\nURIs: https://packages.example.com/apt\nSuites: stable\nComponents: main',
      'Types: deb\n# a remark\nURIs: http://mirror.example/debian\nSuites: trixie\nSigned-By: /keys/d.gpg',
    ].join('\n\n');
    expect(distributionSource(text)).toEqual({ uri: 'http://mirror.example/debian', signedBy: '/keys/d.gpg' });
  });

  it('when only other sources are listed, then there is none', () => {
    expect(distributionSource('deb https://packages.example.com/apt stable main')).toBeUndefined();
  });
});

describe('the version of Java', () => {
  it.each([
    ['openjdk version "17.0.15" 2025-04-15', 17],
    ['java version "1.8.0_392"', 8],
    ['openjdk version "25" 2025-09-16', 25],
    ['nothing known', 0],
  ])('when Java reports %s, then its version is %d', (text, major) => expect(javaMajor(text)).toBe(major));
});

describe('a tool that another process fetches', () => {
  const name = `tool-${randomUUID()}`;
  const target = join(toolsDir, name);
  const arriving = `${target}.part-${process.ppid}`;
  const fetched: string[] = [];
  const ensure = () => ensureTool(name, async (into) => void fetched.push(into));
  beforeEach(() => void mkdirSync(arriving, { recursive: true }));
  afterEach(() => {
    for (const folder of [target, arriving]) rmSync(folder, { recursive: true, force: true });
    fetched.length = 0;
  });

  it('when it is wanted too, then it is waited for, and not fetched twice', async () => {
    const ensured = ensure();
    renameSync(arriving, target);
    expect(await ensured).toBe(target);
    expect(fetched).toEqual([]);
  });

  it('when that process gives up, then it is fetched here', async () => {
    const ensured = ensure();
    rmSync(arriving, { recursive: true });
    expect(await ensured).toBe(target);
    expect(fetched).toHaveLength(1);
  });
});
