import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTool } from '../fetch.ts';
import { installed } from '../run.ts';
import { StackError } from '../stack-error.ts';
import { osRelease, unpackedLibraries, unpackPackages } from './apt.ts';

/** A browser for tests, and the environment of its process. */
export interface Chromium {
  executablePath: string;
  env: Record<string, string>;
}

/** The fonts include Korean. */
const PACKAGES = ['chromium', 'fonts-dejavu-core', 'fonts-nanum'];
/** Libraries used from the machine instead: the packages are of its release, and its loader works with no others. */
const MACHINES_OWN =
  /^(ld-linux.*|lib(c|m|dl|rt|pthread|resolv|util|BrokenLocale|anl|mvec|nsl|nss_.*|thread_db)(-[\d.]+)?\.so(\.\d+)?)$/;

/** The Chromium that CHROMIUM names or that is installed, or Debian's, unpacked into the tools folder. */
export async function chromium(): Promise<Chromium> {
  const own =
    process.env.CHROMIUM ?? installed('chromium') ?? installed('chromium-browser') ?? installed('google-chrome');
  if (own) return { executablePath: own, env: {} };
  const folder = await ensureTool(`chromium-${osRelease().VERSION_CODENAME ?? 'own'}`, (into) =>
    unpack(into).catch((error: Error) => {
      throw new StackError(
        `Chromium, which the browser tests need, could not be fetched; install it, or name one with CHROMIUM. (${error.message})`,
      );
    }),
  );
  const libraries = unpackedLibraries(folder);
  return {
    executablePath: join(folder, 'usr/lib/chromium/chromium'),
    env: {
      LD_LIBRARY_PATH: [...libraries, ...libraries.map((library) => join(library, 'pulseaudio'))].join(':'),
      FONTCONFIG_FILE: fontSettings(folder),
      CHROME_DEVEL_SANDBOX: '',
    },
  };
}

async function unpack(into: string): Promise<void> {
  await unpackPackages(PACKAGES, 'own', into);
  for (const library of unpackedLibraries(into)) {
    for (const name of readdirSync(library).filter((each) => MACHINES_OWN.test(each))) rmSync(join(library, name));
  }
}

/** Written at each use, since the folder may have been moved or copied. */
function fontSettings(folder: string): string {
  const file = join(folder, 'fonts.conf');
  const cache = join(folder, 'font-cache');
  mkdirSync(cache, { recursive: true });
  const text = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig><dir>${join(folder, 'usr/share/fonts')}</dir><cachedir>${cache}</cachedir></fontconfig>
`;
  writeFileSync(file, text);
  return file;
}
