import { readSchemas } from '../libs/events/src/contracts/schema-files.ts';
import { ALL_GROUPS } from '../services/groups.ts';
import { asyncApi } from './asyncapi/document.ts';
import { describeEvents } from './asyncapi/events.ts';
import { eventsPage } from './asyncapi/page.ts';
import type { GeneratedFile } from './generated-file.ts';
import { openApi } from './openapi/document.ts';
import { ALL_OPERATIONS, BY_SERVICE } from './openapi/operations.ts';
import { routesModule } from './routes.ts';
import { sagaPage } from './saga/page.ts';
import { sagaTables } from './saga/tables.ts';

export const OPENAPI_FILE = 'services/gateway/openapi.json';
export const ASYNCAPI_FILE = 'libs/events/asyncapi.json';
const SAGA_FILE = 'docs/saga.md';

/** Renders every document from the present schemas. */
export function renderDocuments(): GeneratedFile[] {
  const events = describeEvents(readSchemas(new URL('../libs/events/schemas/', import.meta.url)));
  const asyncDocument = asyncApi(events, ALL_GROUPS);
  return [
    { path: OPENAPI_FILE, text: json(openApi(ALL_OPERATIONS)) },
    { path: ASYNCAPI_FILE, text: json(asyncDocument) },
    { path: 'services/gateway/src/pages/events.html', text: eventsPage(asyncDocument, events, ALL_GROUPS) },
    { path: 'services/gateway/src/routes.generated.ts', text: routesModule(BY_SERVICE) },
    { path: SAGA_FILE, text: sagaPage(events, ALL_GROUPS, sagaTables()) },
  ];
}

function json(document: object): string {
  return `${JSON.stringify(document, null, 2)}\n`;
}
