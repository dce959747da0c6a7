/** What a console remembers of its jobs; a restart forgets it. */
const KEPT = 20;

/** The newest so many, by id. */
export class Kept<Value> {
  readonly #values = new Map<string, Value>();

  set(id: string, value: Value): void {
    this.#values.set(id, value);
    const [oldest] = this.#values.keys();
    if (this.#values.size > KEPT && oldest !== undefined) this.#values.delete(oldest);
  }

  get(id: string): Value | undefined {
    return this.#values.get(id);
  }
}
