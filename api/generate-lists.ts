/** Writes the lists of what each service has. Run by `npm run generate`, before what is made with them. */

import { write } from './generated-file.ts';
import { renderLists } from './lists.ts';

write(renderLists());
