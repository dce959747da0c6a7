export interface Session {
  readonly userId: number;
  readonly scope: 'ops' | undefined;
  readonly token: string;
}

const KEY = 'shop.session';
const LAST_USER = 'shop.last-user';

/** The signed-in user. The server, by a 401, decides how long the token is valid: the clock here may be wrong. */
export function session(): Session | undefined {
  try {
    return (JSON.parse(sessionStorage.getItem(KEY) ?? 'null') as Session | null) ?? undefined;
  } catch {
    return undefined;
  }
}

export function startSession(opened: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(opened));
  sessionStorage.setItem(LAST_USER, String(opened.userId));
  dispatchEvent(new Event('session'));
}

/** The user last signed in, in this tab. */
export function lastUser(): string {
  return sessionStorage.getItem(LAST_USER) ?? '';
}

/** The token is not valid any more: the user is asked to sign in again. */
export function expireSession(): void {
  endSession();
  dispatchEvent(new Event('session-expired'));
}

export function endSession(): void {
  sessionStorage.removeItem(KEY);
  dispatchEvent(new Event('session'));
}
