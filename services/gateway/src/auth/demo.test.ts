import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createDemoIssuer } from './demo.ts';
import { createTokens } from './tokens.ts';

const names = { issuer: 'us', audience: 'shop' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'demo-key-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

it('when several gateways start at once, then they share one key, readable only by its owner', async () => {
  const keyFile = join(folder, 'new', 'key.pem');
  const issuers = await Promise.all(Array.from({ length: 4 }, () => createDemoIssuer({ keyFile, ...names })));
  const later = await createDemoIssuer({ keyFile, ...names });
  for (const { issue } of issuers) {
    const { token } = await issue(7, undefined);
    expect(await createTokens({ keys: later.keys, ...names }).verify(`Bearer ${token}`)).toEqual({
      user: 7,
      scopes: [],
    });
  }
  expect(readdirSync(join(folder, 'new'))).toEqual(['key.pem']);
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
});

it('when no file is named, then each gateway has its own key', async () => {
  const [one, other] = [await createDemoIssuer(names), await createDemoIssuer(names)];
  const { token } = await one.issue(7, 'ops');
  expect(await createTokens({ keys: one.keys, ...names }).verify(`Bearer ${token}`)).toEqual({
    user: 7,
    scopes: ['ops'],
  });
  await expect(createTokens({ keys: other.keys, ...names }).verify(`Bearer ${token}`)).rejects.toThrow(
    /UNAUTHENTICATED/,
  );
});
