import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Router } from 'express';
import { fileHandler } from './files.ts';

const swagger = pathToFileURL(`${dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))}/`);
const here = (name: string) => new URL(name, import.meta.url);

/** The documents of the API, for programs and for people. */
export function docsRoutes(router: Router): void {
  router.get('/openapi.json', fileHandler(here('../../openapi.json')));
  router.get(['/docs', '/docs/'], fileHandler(here('docs.html')));
  router.get('/docs/docs.js', fileHandler(here('docs.js')));
  router.get('/docs/pages.css', fileHandler(here('pages.css')));
  for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css', 'favicon-32x32.png']) {
    router.get(`/docs/${name}`, fileHandler(new URL(name, swagger)));
  }
  router.get('/docs/events', fileHandler(here('events.html')));
  // Stored beside the schemas it is made from.
  router.get('/docs/asyncapi.json', fileHandler(here('../../../../libs/events/asyncapi.json')));
}
