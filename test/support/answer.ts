/** An answer with any status. `body` is the parsed JSON (undefined if there is none). */
export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}
