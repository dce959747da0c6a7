import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../paths.ts';
import { progress } from '../progress.ts';
import { attached } from './tool.ts';

/** Writes what is generated from the Avro schemas. The launcher has generated the database clients before. */
export async function generate(): Promise<number> {
  const program = join(root, 'libs/events/src/generate.ts');
  if (!existsSync(program)) return 0;
  const code = await attached(process.execPath, [program], process.env);
  if (code === 0) progress('generate', 'done');
  return code;
}
