/** A document is written by hand but for what stands between these two lines, which a run writes. */
const begin = (section: string) => `<!-- figures: ${section} -->`;
const END = '<!-- end of figures -->';

/** Throws unless each section stands in the document once, with its end, and the document has no other. */
export function checkMarkers(document: string, sections: readonly string[]): void {
  for (const section of sections) bounds(document, section);
  const found = [...document.matchAll(/<!-- figures: (.*?) -->/g)].map((match) => match[1] ?? '');
  const strangers = found.filter((section) => !sections.includes(section));
  if (strangers.length > 0) throw new Error(`no figures are made for ${strangers.map(begin).join(', ')}`);
}

/** Puts lines in the place of what stands between a section's markers; all else is kept as it is. */
export function fillMarkers(document: string, lines: Readonly<Record<string, readonly string[]>>): string {
  checkMarkers(document, Object.keys(lines));
  let filled = document;
  for (const [section, content] of Object.entries(lines)) {
    const { from, to } = bounds(filled, section);
    filled = `${filled.slice(0, from)}\n\n${content.join('\n').trim()}\n\n${filled.slice(to)}`;
  }
  return filled;
}

/** Where a section's content begins and ends. */
function bounds(document: string, section: string): { from: number; to: number } {
  const marker = begin(section);
  const start = document.indexOf(marker);
  if (start < 0) throw new Error(`the report has no line ${marker}`);
  const from = start + marker.length;
  if (document.includes(marker, from)) throw new Error(`the report has ${marker} twice`);
  const to = document.indexOf(END, from);
  const next = document.indexOf('<!-- figures: ', from);
  if (to < 0 || (next >= 0 && next < to)) throw new Error(`the report has no ${END} after ${marker}`);
  return { from, to };
}
