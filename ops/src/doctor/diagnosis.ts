/** The result of examining one part. */
export interface Diagnosis {
  readonly what: string;
  /** The fault, if any. */
  readonly wrong?: string;
  /** How to repair it. */
  readonly mend?: string;
  /** Details when the part is in order. */
  readonly detail?: string;
}
