import { readdirSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Router } from 'express';
import { fileHandler } from './files.ts';

const FOLDER = new URL('../../../../storefront/', import.meta.url);
/** Tests stand beside what they test; no browser needs them. */
const SERVED = /(?<!\.test|^testing)\.(html|css|svg|ts)$/;
/** The only package that pages import by name, which a browser cannot resolve. */
const LIT_HTML = '/shop/lit-html.js';

/** The browser shop. Its TypeScript is served without types, so there is no build. */
export function storefrontRoutes(router: Router): void {
  router.get('/shop', (_request, response) => response.redirect('/shop/'));
  router.get('/shop/', fileHandler(new URL('index.html', FOLDER)));
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    const path = name.replaceAll('\\', '/');
    if (!SERVED.test(path)) continue;
    router.get(`/shop/${path}`, fileHandler(new URL(path, FOLDER), path.endsWith('.ts') ? toJavaScript : undefined));
  }
  // Node resolves the package to its build for Node; the build for browsers is beside it.
  const forNode = pathToFileURL(createRequire(import.meta.url).resolve('lit-html'));
  router.get(LIT_HTML, fileHandler(new URL('../lit-html.js', forNode)));
}

function toJavaScript(source: Buffer): Buffer {
  const script = stripTypeScriptTypes(source.toString('utf8'));
  return Buffer.from(script.replaceAll(/ from 'lit-html';/g, ` from '${LIT_HTML}';`));
}
