/** A document is written by hand except for the lines between these two markers, which a run writes. */
const begin = (section: string) => `<!-- figures: ${section} -->`;
const END = '<!-- end of figures -->';

/** Throws unless the document has each of the sections exactly once, with its end, and no other section. */
export function checkMarkers(document: string, sections: readonly string[]): void {
  for (const section of sections) bounds(document, section);
  const found = [...document.matchAll(/<!-- figures: (.*?) -->/g)].map((match) => match[1] ?? '');
  const strangers = found.filter((section) => !sections.includes(section));
  if (strangers.length > 0) throw new Error(`no figures are made for ${strangers.map(begin).join(', ')}`);
}

/** Replaces the lines between a section's markers; all other lines are kept. */
export function fillMarkers(document: string, lines: Readonly<Record<string, readonly string[]>>): string {
  checkMarkers(document, Object.keys(lines));
  let filled = document;
  for (const [section, content] of Object.entries(lines)) {
    const { from, to } = bounds(filled, section);
    filled = `${filled.slice(0, from)}\n\n${content.join('\n').trim()}\n\n${filled.slice(to)}`;
  }
  return filled;
}

/** The bounds of a section's content. */
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
