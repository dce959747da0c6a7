/** Writes the documents of the API. Run by `npm run generate`; the checks fail while a committed document differs. */
import { renderDocuments } from './documents.ts';
import { write } from './generated-file.ts';

write(renderDocuments());
