import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root } from '../paths.ts';
import { forbidden, imagePackages } from './image-packages.ts';

/** The same packages as the Dockerfile's `npm ci`. */
const OF_IMAGE = ['--omit=dev', '--omit=optional', '--omit=peer'];
const EXIT_WRONG = 3;

/**
 * What the image is made of, and whether it may be: its bill of materials (CycloneDX), its licences, and the faults
 * that are known of its packages. The policy: allowed licences only, and no known fault that is high or critical.
 */
export async function packages(): Promise<number> {
  const all = imagePackages();
  const bill = join(root, '.local/sbom.cdx.json');
  mkdirSync(join(root, '.local'), { recursive: true });
  const sbom = npm(['sbom', '--sbom-format=cyclonedx', ...OF_IMAGE]);
  if (sbom.status !== 0) {
    console.error(`npm sbom failed: ${sbom.stderr}`);
    return 1;
  }
  writeFileSync(bill, sbom.stdout);
  console.log(`${all.length} packages; bill of materials: ${relative(root, bill)}`);

  const wrong = forbidden(all);
  const counts = Object.entries(Object.groupBy(all, ({ license }) => license));
  console.log(`licences: ${counts.map(([license, of = []]) => `${license} ${of.length}`).join(', ')}`);
  for (const { name, version, license } of wrong) console.log(`WRONG ${name} ${version} has the licence ${license}`);

  const audit = npm(['audit', '--audit-level=high', ...OF_IMAGE]);
  if (/audit endpoint returned an error|ENOTFOUND|EAI_AGAIN/.test(audit.stderr)) {
    console.log('known faults: not looked at, this registry does not tell them');
    return EXIT_WRONG;
  }
  console.log(audit.stdout.trim());
  return wrong.length > 0 || audit.status !== 0 ? EXIT_WRONG : 0;
}

function npm(args: string[]) {
  return spawnSync('npm', args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
}
