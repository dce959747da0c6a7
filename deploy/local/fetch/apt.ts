import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';

/** This machine's package source. */
export interface AptSource {
  uri: string;
  signedBy?: string;
}

/** `own` is the release of this machine. */
export type Suite = 'own' | 'unstable';

/**
 * Unpacks Debian packages with all their dependencies (the C library too) into a folder. Nothing is installed and no
 * root is needed: apt uses its own lists, archive and status file in the same folder.
 */
export async function unpackPackages(packages: string[], suite: Suite, into: string): Promise<void> {
  const source = machineSource();
  const release = suite === 'own' ? osRelease().VERSION_CODENAME : suite;
  if (!source || !release || !installed('apt-get') || !installed('dpkg')) {
    throw new StackError(`No Debian package source was found for ${packages.join(', ')}`);
  }
  const work = join(into, '.apt');
  for (const folder of ['lists/partial', 'archives/partial']) mkdirSync(join(work, folder), { recursive: true });
  writeFileSync(join(work, 'status'), '');
  const signed = source.signedBy ? ` [signed-by=${source.signedBy}]` : '';
  writeFileSync(join(work, 'sources.list'), `deb${signed} ${source.uri} ${release} main\n`);
  const settings = {
    'Dir::State::lists': join(work, 'lists'),
    'Dir::State::status': join(work, 'status'),
    'Dir::Cache::archives': join(work, 'archives'),
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Acquire::Languages': 'none',
    'Acquire::IndexTargets::deb::DEP-11::DefaultEnabled': 'false',
    'Acquire::IndexTargets::deb::CNF::DefaultEnabled': 'false',
    'APT::Install-Recommends': 'false',
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  await run('apt-get', ['-qq', ...options, 'update']);
  await run('apt-get', ['-qq', '-y', ...options, '--download-only', 'install', ...packages]);
  for (const archive of readdirSync(join(work, 'archives')).filter(isWanted)) {
    await run('dpkg', ['-x', join(work, 'archives', archive), into]);
  }
  rmSync(work, { recursive: true });
  for (const folder of ['doc', 'man', 'locale', 'i18n'])
    rmSync(join(into, 'usr/share', folder), { recursive: true, force: true });
}

/** Leaves out packages that only a server's maintenance scripts need. */
function isWanted(archive: string): boolean {
  return archive.endsWith('.deb') && !/^(perl|libperl|debconf|init-system|adduser|passwd|dpkg)[-_5.]/.test(archive);
}

/** Runs a program of an unpacked folder with that folder's own loader and libraries. */
export function unpackedCommand(folder: string, program: string): string[] {
  const libraries = unpackedLibraries(folder);
  for (const library of libraries) {
    const loader = readdirSync(library).find((name) => /^ld-linux-.*\.so\.\d$/.test(name));
    if (loader) return [join(library, loader), '--library-path', libraries.join(':'), join(folder, program)];
  }
  throw new StackError(`No loader was found in ${folder}; remove that folder to fetch it again.`);
}

/** The folders of libraries in an unpacked folder. */
export function unpackedLibraries(folder: string): string[] {
  return ['usr/lib', 'lib'].flatMap((base) =>
    existsSync(join(folder, base))
      ? readdirSync(join(folder, base))
          .filter((name) => name.endsWith('-linux-gnu'))
          .map((name) => join(folder, base, name))
      : [],
  );
}

export function distributionIsDebian(): boolean {
  return osRelease().ID === 'debian';
}

function machineSource(): AptSource | undefined {
  const parts = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(parts) ? readdirSync(parts).map((name) => join(parts, name)) : []),
  ];
  return files
    .filter((file) => /\.(list|sources)$/.test(file) && existsSync(file))
    .map((file) => distributionSource(readFileSync(file, 'utf8')))
    .find((source) => source !== undefined);
}

/**
 * The distribution's main archive (not its security one, not a third party's) among apt's sources, in either format.
 */
export function distributionSource(text: string): AptSource | undefined {
  for (const line of text.split('\n')) {
    const [, options, uri] = /^deb\s+(?:\[([^\]]*)\]\s+)?(\S+)/.exec(line.trim()) ?? [];
    if (uri && isDistribution(uri)) return withKey(uri, /signed-by=(\S+)/.exec(options ?? '')?.[1]);
  }
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, 'im').exec(stanza)?.[1];
    const uri = field('URIs');
    if (uri && isDistribution(uri)) return withKey(uri, field('Signed-By'));
  }
  return undefined;
}

function isDistribution(uri: string): boolean {
  return /\/(debian|ubuntu)(\.list)?\/?$/.test(uri);
}

function withKey(uri: string, signedBy: string | undefined): AptSource {
  return signedBy?.startsWith('/') ? { uri, signedBy } : { uri };
}

export function osRelease(): Record<string, string> {
  if (!existsSync('/etc/os-release')) return {};
  const lines = readFileSync('/etc/os-release', 'utf8')
    .split('\n')
    .filter((line) => line.includes('='));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1).replaceAll('"', '')]),
  );
}
