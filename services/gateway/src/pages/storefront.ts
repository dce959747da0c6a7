import { readdirSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { pathToFileURL } from 'node:url';
import type { Router } from 'express';
import { fileHandler } from './files.ts';

const FOLDER = new URL('../../../../storefront/', import.meta.url);
/** Tests stand beside what they test; no browser needs them. */
const SERVED = /(?<!\.test|^testing)\.(html|css|svg|ts)$/;
/** What pages import of the only package they import by name, which a browser cannot resolve, and what that imports. */
const LIT_HTML = ['lit-html.js', 'directives/repeat.js', 'directive.js', 'directive-helpers.js'];

/** The browser shop. Its TypeScript is served without types, so there is no build. */
export function storefrontRoutes(router: Router): void {
  router.get('/shop', (_request, response) => response.redirect('/shop/'));
  router.get('/shop/', fileHandler(new URL('index.html', FOLDER)));
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })) {
    const path = name.replaceAll('\\', '/');
    if (!SERVED.test(path)) continue;
    router.get(`/shop/${path}`, fileHandler(new URL(path, FOLDER), path.endsWith('.ts') ? toJavaScript : undefined));
  }
  // Node resolves the package to its build for Node; the build for browsers is in the folder above.
  const forNode = pathToFileURL(createRequire(import.meta.url).resolve('lit-html'));
  for (const path of LIT_HTML) router.get(`/shop/${path}`, fileHandler(new URL(`../${path}`, forNode)));
}

function toJavaScript(source: Buffer): Buffer {
  const script = stripTypeScriptTypes(source.toString('utf8'));
  return Buffer.from(
    script.replaceAll(
      /( from )(["'])lit-html(?:\/([\w./-]+))?\2;/g,
      (_, from, quote, part = 'lit-html.js') => `${from}${quote}/shop/${part}${quote};`,
    ),
  );
}
