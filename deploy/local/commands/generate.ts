import { join } from 'node:path';
import { root } from '../paths.ts';
import { progress } from '../progress.ts';
import { attached } from './tool.ts';

/**
 * The programs that generate files, in this order: types of the events, the lists of what each service has, and the
 * documents of the API, which are made with both.
 */
const programs = ['libs/events/src/contracts/generate.ts', 'api/generate-lists.ts', 'api/generate.ts'];

/** Generates files from schemas. The launcher has already generated the database clients. */
export async function generate(): Promise<number> {
  for (const program of programs) {
    const code = await attached(process.execPath, [join(root, program)], process.env);
    if (code !== 0) return code;
  }
  progress('generate', 'done');
  return 0;
}
