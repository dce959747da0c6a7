import { expect, it } from '@jest/globals';
import { forbidden, imagePackages } from './image-packages.ts';

it('when a package is in the image, then its licence is allowed', () => {
  const packages = imagePackages();
  expect(packages.length).toBeGreaterThan(100);
  expect(packages.map(({ name }) => name)).toEqual(expect.arrayContaining(['express', 'kafkajs', '@prisma/client']));
  expect(packages.map(({ name }) => name)).not.toContain('prisma');
  expect(forbidden(packages)).toEqual([]);
});

it('when a licence is not known or not allowed, then the package is named', () => {
  const known = { name: 'a', version: '1', license: 'MIT' };
  const gpl = { name: 'b', version: '1', license: 'GPL-3.0' };
  const unknown = { name: 'c', version: '1', license: 'unknown' };
  expect(forbidden([known, gpl, unknown])).toEqual([gpl, unknown]);
});
