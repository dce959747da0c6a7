import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTool } from '../fetch.ts';
import { progress } from '../progress.ts';
import { installed, run } from '../run.ts';
import { StackError } from '../stack-error.ts';

const version = '1.8.1';
const tellEveryMs = 20_000;

/** The `k6` for load tests: the installed one, else version 1.8.1, built once by Go into the tools folder. */
export async function findK6(): Promise<string> {
  return installed('k6') ?? join(await ensureTool(`k6-${version}`, build), 'k6');
}

async function build(into: string): Promise<void> {
  const go = installed('go');
  if (!go) {
    throw new StackError(
      'k6 is not installed, and there is no Go to build it with. Install one of them: k6 (https://k6.io), or Go and run this again.',
    );
  }
  const started = Date.now();
  progress('k6', 'is built from source, once: some minutes of CPU');
  const timer = setInterval(
    () => progress('k6', `still building (${Math.round((Date.now() - started) / 1000)} s)`),
    tellEveryMs,
  );
  mkdirSync(into, { recursive: true });
  try {
    await run(go, ['install', `go.k6.io/k6@v${version}`], {
      env: { ...process.env, GOBIN: into, GOFLAGS: '-buildvcs=false' },
    });
  } finally {
    clearInterval(timer);
  }
}
