import type { Group } from '../../services/groups.ts';
import { diagram } from './diagram.ts';
import type { asyncApi } from './document.ts';
import type { AvroRecord, AvroType, DescribedEvent } from './events.ts';
import { prose, toHtml } from './html.ts';

type Document = ReturnType<typeof asyncApi>;

/** The catalogue of events as one static page without external resources. */
export function eventsPage(document: Document, events: readonly DescribedEvent[], groups: readonly Group[]): string {
  const topics = Object.entries(document.channels).map(([topic, { description }]) => {
    const carried = events.filter((event) => event.topic === topic);
    const parts = carried.map((event) => eventPart(event, groups, document));
    return `<h2 id="${topic}">${topic}</h2>\n${prose(description)}\n${parts.join('\n')}`;
  });
  const links = Object.keys(document.channels).map((topic) => `<a href="#${topic}">${topic}</a>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${document.info.title}</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/pages.css">
</head>
<body>
<!-- Generated from the catalogue of events by npm run generate. Do not edit. -->
<header><strong>${document.info.title}</strong> <nav>${links.join(' ')} <a href="/docs">HTTP API</a> <a href="/docs/asyncapi.json">AsyncAPI</a></nav></header>
<main>
<h1>Events</h1>
${prose(document.info.description)}
<figure>${diagram(events, groups)}</figure>
<h2>Who hears what</h2>
${groupTable(groups)}
${topics.join('\n')}
</main>
</body>
</html>
`;
}

function groupTable(groups: readonly Group[]): string {
  const rows = groups.map(
    ({ group: name, service, summary, handles }) =>
      `<tr><td><strong>${name}</strong>${name === service ? '' : ` <small>(${service})</small>`}</td><td>${toHtml(summary)}</td><td>${handles.map(link).join(', ')}</td></tr>`,
  );
  return table(['group', 'what for', 'hears'], rows);
}

function eventPart(event: DescribedEvent, groups: readonly Group[], document: Document): string {
  const { type, publisher, key, id, record, schema } = event;
  const heard = groups.filter(({ handles }) => handles.includes(type)).map(({ group }) => group);
  const own = headersOf(document, event);
  return `<section id="${type}">
<h3>${type}</h3>
<p>${toHtml(schema.doc)}</p>
<p class="facts"><span>published by <strong>${publisher}</strong></span> <span>heard by <strong>${heard.join(', ') || 'nobody yet'}</strong></span>
<span>key <code>${key}</code></span> <span>id ${prose(id).slice(3, -4)}</span> <span>subject <code>${record}</code></span></p>
${fieldTable(schema)}
${own ? `<details><summary>headers</summary>${own}</details>` : ''}
</section>`;
}

function headersOf(document: Document, { type }: DescribedEvent): string {
  const headers = document.components.messages[type]?.headers;
  if (!headers) return '';
  const rows = Object.entries(headers.properties as Record<string, Record<string, unknown>>).map(
    ([name, { const: only, enum: some, description }]) => {
      const values = only ?? (some as string[] | undefined)?.join(' or ');
      const told = [
        values === undefined ? '' : `<code>${toHtml(String(values))}</code>`,
        toHtml(String(description ?? '')),
      ];
      return `<tr><td><code>${name}</code></td><td>${headers.required.includes(name) ? 'always' : 'maybe'}</td><td>${told.filter(Boolean).join(': ')}</td></tr>`;
    },
  );
  return table(['header', '', ''], rows);
}

function fieldTable(schema: AvroRecord): string {
  return table(['field', 'type', ''], fieldRows(schema, ''));
}

function fieldRows(schema: AvroRecord, prefix: string): string[] {
  return schema.fields.flatMap(({ name, type, doc }) => [
    `<tr><td><code>${prefix}${name}</code></td><td>${toHtml(typeName(type))}</td><td>${toHtml(doc)}</td></tr>`,
    ...recordsIn(type).flatMap((inner) => fieldRows(inner, `${prefix}${name}[].`)),
  ]);
}

function typeName(type: AvroType): string {
  if (typeof type === 'string') return type;
  if (!('type' in type)) return type.map(typeName).join(' or ');
  if (type.type === 'array') return 'list';
  if (type.type === 'record') return type.name;
  return type.logicalType ?? type.type;
}

function recordsIn(type: AvroType): AvroRecord[] {
  if (typeof type === 'string') return [];
  if (!('type' in type)) return type.flatMap(recordsIn);
  if (type.type === 'array') return recordsIn(type.items);
  return type.type === 'record' ? [type] : [];
}

function link(type: string): string {
  return `<a href="#${type}">${type}</a>`;
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const head = heads.map((text) => `<th>${text}</th>`).join('');
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>\n${rows.join('\n')}\n</tbody></table></div>`;
}
