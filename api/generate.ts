/** Writes the documents of the API. Run by `npm run generate`; the checks fail while a committed document differs. */
import { writeFileSync } from 'node:fs';
import { committed, renderDocuments } from './documents.ts';

for (const document of renderDocuments()) {
  if (committed(document) === document.text) continue;
  writeFileSync(new URL(`../${document.path}`, import.meta.url), document.text);
  process.stderr.write(`wrote ${document.path}\n`);
}
