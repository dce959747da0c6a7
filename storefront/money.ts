/** Formats won: ₩12,345 or, in Korean, 12,345원. */
export function wonIn(language: 'en' | 'ko', won: number): string {
  const digits = Math.abs(won).toLocaleString(language);
  const sign = won < 0 ? '−' : '';
  return language === 'ko' ? `${sign}${digits}원` : `${sign}₩${digits}`;
}
