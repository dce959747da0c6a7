/** An answer, whatever its status. `body` is the parsed JSON (undefined where there is none). */
export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: Body;
}
