import { randomUUID } from 'node:crypto';

/** A request of a `.http` file, before its variables have values. */
export interface HttpFileRequest {
  /** The text after `###`. */
  readonly title: string;
  /** `# @name`, by which later requests refer to its answer. */
  readonly name: string | undefined;
  /** `# @expect`: the expected status. */
  readonly expected: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

export interface HttpFile {
  readonly variables: ReadonlyMap<string, string>;
  readonly requests: readonly HttpFileRequest[];
}

/** Reads the part of the format that the tour uses: variables, `###`, comments, a request line, headers, a body. */
export function parseHttpFile(text: string): HttpFile {
  const [head = '', ...parts] = text.split(/^###/m);
  return {
    variables: new Map([...head.matchAll(/^@(\w+)\s*=\s*(.+)$/gm)].map(([, name = '', value = '']) => [name, value])),
    requests: parts.map(parseRequest),
  };
}

function parseRequest(part: string): HttpFileRequest {
  const [first = '', ...lines] = part.split('\n');
  const tags = new Map([...part.matchAll(/^# @(\w+) (.+)$/gm)].map(([, tag = '', value = '']) => [tag, value.trim()]));
  const sent = lines.filter((line) => !line.startsWith('#'));
  const empty = sent.findIndex((line) => line.trim() === '');
  const [request = '', ...headers] = sent.slice(0, empty);
  const [, method, url] = /^(GET|POST|PATCH) (\S+)$/.exec(request) ?? [];
  const expected = Number(tags.get('expect'));
  if (!method || !url || !expected) throw new Error(`no request, or no @expect: ${part}`);
  return {
    title: first.trim(),
    name: tags.get('name'),
    expected,
    method,
    url,
    headers: Object.fromEntries(headers.map(parseHeader)),
    body: sent.slice(empty).join('\n').trim() || undefined,
  };
}

function parseHeader(line: string): [string, string] {
  const [, name = '', value = ''] = /^([\w-]+):\s*(.*)$/.exec(line) ?? [];
  return [name.toLowerCase(), value];
}

/** `text` with every `{{…}}` replaced: a variable, a new id, or a member of the answer to a named request. */
export function fill(
  text: string,
  variables: ReadonlyMap<string, string>,
  answers: ReadonlyMap<string, unknown>,
): string {
  return text.replace(/\{\{([^}]+)\}\}/g, (_all, name: string) => {
    if (name === '$guid') return randomUUID();
    const [, request = '', member = ''] = /^(\w+)\.response\.body\.(\w+)$/.exec(name) ?? [];
    const value = request
      ? (answers.get(request) as Record<string, unknown> | undefined)?.[member]
      : variables.get(name);
    if (value === undefined) throw new Error(`{{${name}}} has no value`);
    return fill(String(value), variables, answers);
  });
}
