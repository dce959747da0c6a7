import { z } from 'zod';

/**
 * Characters that no stored text may have: control characters (a terminal or a CSV file may act on them), separators
 * of lines, controls of the writing direction (they make a text look like another one), and halves of a surrogate pair.
 */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const VISIBLE = /[^\p{Z}\p{C}]/u;

/** The fault of a text that is to be stored and shown on one line, in words; undefined if it has none. */
export function textFault(text: string): string | undefined {
  const [found] = UNSHOWABLE.exec(text) ?? [];
  if (found !== undefined) {
    const code = found.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0');
    return `expected text of one line without control characters; it has U+${code}`;
  }
  return VISIBLE.test(text) ? undefined : 'expected a visible character';
}

/** A name or the like in a body: spaces at its ends are dropped; then at most `max` UTF-16 units of showable text. */
export function shownText(max: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .superRefine((text, context) => {
      const message = text === '' ? undefined : textFault(text);
      if (message !== undefined) context.addIssue({ code: 'custom', message });
    });
}
