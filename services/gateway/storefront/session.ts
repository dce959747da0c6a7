export interface Session {
  readonly userId: number;
  readonly scope: 'ops' | undefined;
  readonly token: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

const KEY = 'shop.session';

/** The signed-in user; undefined without one, or when the token is no longer good. */
export function session(): Session | undefined {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null;
    return kept && Date.parse(kept.expiresAt) > Date.now() ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function startSession(opened: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(opened));
  dispatchEvent(new Event('session'));
}

export function endSession(): void {
  sessionStorage.removeItem(KEY);
  dispatchEvent(new Event('session'));
}
