import { Problem } from './api.ts';
import { wonIn } from './money.ts';
import { en, type Words } from './words-en.ts';
import { ko } from './words-ko.ts';

const LANGUAGES = { en, ko } as const;
export type Language = keyof typeof LANGUAGES;
const KEY = 'shop.language';

export function language(): Language {
  const chosen = localStorage.getItem(KEY) ?? navigator.language.slice(0, 2);
  return chosen === 'ko' ? 'ko' : 'en';
}

export function chooseLanguage(chosen: Language): void {
  localStorage.setItem(KEY, chosen);
}

export function otherLanguage(): { readonly code: Language; readonly words: Words } {
  const code = language() === 'en' ? 'ko' : 'en';
  return { code, words: LANGUAGES[code] };
}

/** The texts in the present language. */
export function words(): Words {
  return LANGUAGES[language()];
}

export function count(value: number): string {
  return value.toLocaleString(language());
}

export function money(won: number): string {
  return wonIn(language(), won);
}

export function time(iso: string): string {
  return new Date(iso).toLocaleString(language(), { dateStyle: 'medium', timeStyle: 'short' });
}

/** An error in words. */
export function explain(error: unknown): string {
  const { problem, unknownProblem } = words();
  const code = error instanceof Problem ? error.code : 'ERROR';
  return problem[code] ?? unknownProblem(code);
}

export function explainCode(code: string): string {
  return words().problem[code] ?? words().unknownProblem(code);
}
