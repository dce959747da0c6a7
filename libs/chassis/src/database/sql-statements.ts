/** Tokens that may hide a semicolon: quoted text (with doubled quotes and backslashes) and comments. */
const TOKEN =
  /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`|--(?=\s|$)[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\/|;/g;

/**
 * A script's statements, without their semicolons; statements of comments alone are left out. Semicolons in strings,
 * quoted names and comments do not count. DELIMITER and stored programs are not supported.
 */
export function splitStatements(script: string): string[] {
  const statements: string[] = [];
  let start = 0;
  let bare = '';
  let scanned = 0;
  const finish = (end: number) => {
    bare += script.slice(scanned, end);
    if (bare.trim()) statements.push(script.slice(start, end).trim());
    bare = '';
  };
  for (const { 0: token, index } of script.matchAll(TOKEN)) {
    const end = index + token.length;
    if (token === ';') {
      finish(index);
      start = end;
    } else {
      bare += script.slice(scanned, index);
      // An executable comment (/*! or /*+) is part of its statement; other comments are dropped.
      if (!/^(--|#|\/\*(?![!+]))/.test(token)) bare += token;
    }
    scanned = end;
  }
  finish(script.length);
  return statements;
}
