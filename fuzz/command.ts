/** Requirements for every answer, whatever the request was. */
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
  /** Undefined where the gateway requires none. */
  readonly token: string | undefined;
  /** Most requests for each operation and phase. */
  readonly examples: number;
  readonly seed: number;
  /** Path of the report. */
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
    // Thousands of simultaneous buyers are another test.
    ...['--exclude-operation-id', 'startRush'],
    '--continue-on-failure',
    // Longer than a client may wait for its order (30 s).
    ...['--request-timeout', '40'],
    // Nothing is kept between runs: a run is determined by its seed.
    ...['--generation-database', 'none'],
    // Most generated requests are refused on purpose.
    ...['--warnings', 'off'],
    ...['--report', 'junit', '--report-junit-path', report],
    ...(token ? ['--header', `Authorization: Bearer ${token}`] : []),
  ];
}
