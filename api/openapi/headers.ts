/** Headers that the gateway adds to answers of any operation. */
const HEADERS = {
  traceparent: {
    description: 'The trace that the request belongs to (W3C Trace Context).',
    schema: { type: 'string' },
    example: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  RateLimit: {
    description: 'What is left of the limits that the request counts for, and in how many seconds it is whole again.',
    schema: { type: 'string' },
    example: '"user";r=48;t=1',
  },
  'RateLimit-Policy': {
    description: 'The limits that the request counts for: so many in so many seconds.',
    schema: { type: 'string' },
    example: '"user";q=50;w=1',
  },
  'Retry-After': {
    description: 'Seconds after which to come again.',
    required: true,
    schema: { type: 'integer', minimum: 1 },
    example: 1,
  },
  'WWW-Authenticate': {
    description: 'What the token lacks (RFC 6750).',
    schema: { type: 'string' },
    example: 'Bearer realm="shop"',
  },
  Age: { description: 'How old the answer is, seconds.', schema: { type: 'integer', minimum: 0 }, example: 4 },
  Warning: {
    description: '`110`: the service could not answer in time, and this is its last good answer.',
    schema: { type: 'string' },
    example: '110 - "Response is Stale"',
  },
} as const;

export type HeaderName = keyof typeof HEADERS;
export type HeaderRef = { readonly $ref: string };

/** Headers that every answer may have. */
const EVERYWHERE: readonly HeaderName[] = ['traceparent', 'RateLimit', 'RateLimit-Policy'];

/** The headers that a document (as text) refers to. */
export function headersIn(text: string): { [name: string]: object } {
  return Object.fromEntries(Object.entries(HEADERS).filter(([name]) => text.includes(`#/components/headers/${name}"`)));
}

export function headerRefs(names: readonly HeaderName[] = []): { [name: string]: HeaderRef } {
  return Object.fromEntries([...EVERYWHERE, ...names].map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}
