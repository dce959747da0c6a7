import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';

const SCRIPTS = ['page', 'picture', 'read'] as const;

const HTML = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><base href="/" data-inject-target="BASE_URL"><title>Traces</title>
<style>body { font: 14px system-ui, sans-serif; margin: 1.5rem; } svg { max-width: 100%; height: auto; }</style></head>
<body><p><a href="/">Traces of the last hour</a></p><div id="page">…</div>
<script type="module" src="static/page.js"></script></body>
</html>
`;

/** Writes the page that shows traces into `folder`, in the form that Jaeger serves. */
export function writeTracePage(folder: string): void {
  const scripts = join(folder, 'static');
  mkdirSync(scripts, { recursive: true });
  writeFileSync(join(folder, 'index.html'), HTML);
  for (const name of SCRIPTS) {
    const source = readFileSync(new URL(`./${name}.ts`, import.meta.url), 'utf8');
    const script = stripTypeScriptTypes(source).replaceAll(/from '\.\/(\w+)\.ts'/g, "from './$1.js'");
    writeFileSync(join(scripts, `${name}.js`), script);
  }
}
