/** Checks that the committed documents match the schemas and are valid. Part of `npm run lint`. */
import { asyncApiProblems } from './asyncapi/check.ts';
import { ASYNCAPI_FILE, OPENAPI_FILE, renderDocuments } from './documents.ts';
import { committed } from './generated-file.ts';
import { renderLists } from './lists.ts';
import { openApiProblems } from './openapi/check.ts';

const documents = renderDocuments();
const problems = [...renderLists(), ...documents]
  .filter((document) => committed(document) !== document.text)
  .map(({ path }) => `${path} is not what the sources say: npm run generate`);
for (const { path, text } of documents) {
  if (path === OPENAPI_FILE) problems.push(...(await openApiProblems(text)));
  if (path === ASYNCAPI_FILE) problems.push(...asyncApiProblems(JSON.parse(text)));
}
for (const problem of problems) process.stderr.write(`${problem}\n`);
process.exitCode = problems.length > 0 ? 1 : 0;
