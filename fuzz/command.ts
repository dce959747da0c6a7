/** What an answer must comply with, whatever was asked. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'response_headers_conformance',
];

export interface FuzzRun {
  /** The gateway's address. */
  readonly gateway: string;
  readonly document: string;
  /** Undefined where the gateway wants none. */
  readonly token: string | undefined;
  /** Requests an operation and phase, at most. */
  readonly examples: number;
  readonly seed: number;
  /** Where its report goes. */
  readonly report: string;
}

/** The arguments of schemathesis for one run. */
export function fuzzArguments({ gateway, document, token, examples, seed, report }: FuzzRun): string[] {
  return [
    'run',
    document,
    ...['--url', gateway],
    ...['--checks', CHECKS.join(',')],
    ...['--phases', 'examples,coverage,fuzzing,stateful'],
    ...['--max-examples', String(examples)],
    ...['--seed', String(seed)],
    // Thousands of buyers at once are another test.
    ...['--exclude-operation-id', 'startRush'],
    '--continue-on-failure',
    // Longer than a client may wait for its order (30 s).
    ...['--request-timeout', '40'],
    // Nothing is remembered from run to run: a run is told by its seed.
    ...['--generation-database', 'none'],
    // That most of what is made up is refused is the point.
    ...['--warnings', 'off'],
    ...['--report', 'junit', '--report-junit-path', report],
    ...(token ? ['--header', `Authorization: Bearer ${token}`] : []),
  ];
}
