import { cpSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../deploy/local/paths.ts';

/**
 * Copies files and folders of the repository to `into`, where they can be broken. Every package is linked except the
 * workspaces in `libs`, which are the copies.
 * @param paths what to copy, from the root; `libs` must be among them
 */
export function copyTree(into: string, paths: readonly string[]): void {
  for (const path of paths) {
    cpSync(join(root, path), join(into, path), {
      recursive: true,
      filter: (from) => !from.includes('/node_modules') && !from.includes('/generated/internal'),
    });
  }
  mkdirSync(join(into, 'node_modules/@shop'), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '@shop') symlinkSync(join(root, 'node_modules', name), join(into, 'node_modules', name));
  }
  for (const lib of readdirSync(join(into, 'libs')))
    symlinkSync(join(into, 'libs', lib), join(into, 'node_modules/@shop', lib));
}
