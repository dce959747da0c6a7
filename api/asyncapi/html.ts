/** Escapes text for HTML. */
export function toHtml(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Renders the little Markdown of descriptions: paragraphs, `code`. */
export function prose(markdown: string): string {
  return markdown
    .split(/\n\n+/)
    .map((paragraph) => `<p>${toHtml(paragraph).replace(/`([^`]+)`/g, '<code>$1</code>')}</p>`)
    .join('\n');
}
