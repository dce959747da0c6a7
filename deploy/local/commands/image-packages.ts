import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.ts';

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
}

/** A package that the image holds. */
export interface ImagePackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/**
 * Licences that a package of the image may have. All let it be used and passed on unchanged without more than their
 * text. The LGPL's driver stays a package of its own that can be replaced, which is what that licence asks for.
 */
export const ALLOWED_LICENSES: readonly string[] = [
  'MIT',
  'ISC',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'LGPL-2.1-or-later',
];

/** Packages whose manifest names no licence, and the licence of their LICENSE file. */
const LICENSES: Readonly<Record<string, string>> = { '@kafkajs/confluent-schema-registry': 'MIT' };

/** The packages of the lock file that the Dockerfile's `npm ci` installs, our own left out. */
export function imagePackages(): ImagePackage[] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(lock.packages)
    .filter(([path, it]) => path.includes('node_modules/') && !it.link && !it.dev && !it.optional && !it.devOptional)
    .map(([path, { version = '', license }]) => {
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return { name, version, license: license ?? LICENSES[name] ?? 'unknown' };
    });
}

/** Packages whose licence is not allowed. */
export function forbidden(packages: readonly ImagePackage[]): ImagePackage[] {
  return packages.filter(({ license }) => !ALLOWED_LICENSES.includes(license));
}
